/** The sentences of a text, in order. */
export function sentencesOf(text: string): string[] {
  return Array.from(text.matchAll(/[^.!?]+[.!?]/g), ([sentence]) => sentence.trim().replaceAll(/\s+/g, ' '));
}

/** The words of a text, in lower case. */
export function wordsOf(text: string): string[] {
  return Array.from(text.toLowerCase().matchAll(/[a-z]+/g), ([word]) => word);
}

/** How easy a text is to read, by Flesch: 60 to 70 is plain English, 30 is hard work. */
export function readingEase(text: string): number {
  const words = wordsOf(text);
  const sentences = sentencesOf(text).length;
  if (words.length === 0 || sentences === 0) return 100;
  const syllables = words.reduce((sum, word) => sum + syllablesOf(word), 0);
  return Math.round(206.835 - 1.015 * (words.length / sentences) - 84.6 * (syllables / words.length));
}

/** What a text is about: its most frequent words that are no everyday words, in the singular. */
export function keyTerms(text: string, count: number): string[] {
  return [...countOf(contentWords(text))]
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, count)
    .map(([word]) => word);
}

/** How often each thing occurs, in the order of first occurrence. */
export function countOf(words: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

/** The words that carry what a text says, in the singular. */
export function contentWords(text: string): string[] {
  return wordsOf(text)
    .map(singular)
    .filter((word) => word.length > 2 && !everydayWords.has(word));
}

function singular(word: string): string {
  return word.length > 3 && /[^s]s$/.test(word) ? word.slice(0, -1) : word;
}

function syllablesOf(word: string): number {
  const groups = word.replace(/e$/, '').match(/[aeiouy]+/g)?.length ?? 0;
  return Math.max(1, groups);
}

const everydayWords = new Set(
  (
    'about accordingly add all also and any are away because but can close day each for from has have hour how however ' +
    'into its itself like little more most nevertheless not number only other out own part than that the their them ' +
    'then therefore there these they this thi too twice way what when where which while why with would one two half'
  ).split(' '),
);
