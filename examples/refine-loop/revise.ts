import type { Finding } from './critique.ts';
import { contentWords, sentencesOf, wordsOf } from './text.ts';

/** The two sentences that say most of the key terms, in the order of the source. */
export function firstDraft(source: string, terms: readonly string[]): string {
  const sentences = sentencesOf(source);
  const byTerms = sentences.toSorted((a, b) => termsIn(b, terms) - termsIn(a, terms));
  const best = new Set(byTerms.slice(0, 2));
  return sentences.filter((sentence) => best.has(sentence)).join(' ');
}

/** What a draft is revised with. */
export interface Material {
  readonly source: string;
  readonly terms: readonly string[];
}

/** The draft with one finding dealt with, as well as can be. */
export function revised(draft: string, finding: Finding, material: Material): string {
  switch (finding.rule) {
    case 'missing':
      return withSentenceOn(draft, finding.term, material);
    case 'length':
      return shortened(draft, material.terms);
    case 'repeated':
      return withoutRepeats(draft, finding.word);
    default:
      return simplified(draft);
  }
}

/** Adds the shortest sentence of the source that has the term. */
function withSentenceOn(draft: string, term: string, { source }: Material): string {
  const [shortest = ''] = sentencesOf(source)
    .filter((sentence) => contentWords(sentence).includes(term))
    .toSorted((a, b) => a.length - b.length);
  return `${draft} ${shortest}`.trim();
}

/** Leaves out an aside; if there is none, a sentence without which no term is missing; else the longest one's last clause. */
function shortened(draft: string, terms: readonly string[]): string {
  const withoutAside = withoutOneOf(draft, asides);
  if (withoutAside !== draft) return withoutAside;
  const sentences = sentencesOf(draft);
  const rest = sentences
    .map((sentence) => sentences.filter((each) => each !== sentence).join(' '))
    .find((others) => termsIn(others, terms) === termsIn(draft, terms));
  return rest ?? draft.replace(longestOf(sentences), withoutLastClause);
}

/** Takes the last clause of the last sentence that has the word. */
function withoutRepeats(draft: string, word: string): string {
  const last = sentencesOf(draft).findLast((sentence) => contentWords(sentence).includes(word)) ?? '';
  return draft.replace(last, withoutLastClause).trim();
}

/** A sentence of a single clause goes altogether. */
function withoutLastClause(sentence: string): string {
  const end = Math.max(...[...',;:'].map((mark) => sentence.lastIndexOf(mark)));
  return end < 0 ? '' : `${sentence.slice(0, end)}.`;
}

/** Says the first wordy phrase in plain words; if there is none, makes two sentences of the longest. */
function simplified(draft: string): string {
  const found = plainWords.find(([wordy]) => wordy.test(draft));
  if (found !== undefined) return draft.replace(...found);
  const longest = longestOf(sentencesOf(draft));
  const split = longest.replace(
    /[,;:] (?:and |so that )?(?<first>[a-z])(?=[^,;:]*$)/,
    (_, first: string) => `. ${first.toUpperCase()}`,
  );
  return draft.replace(longest, split);
}

function longestOf(sentences: readonly string[]): string {
  return sentences.toSorted((a, b) => wordsOf(b).length - wordsOf(a).length)[0] ?? '';
}

function withoutOneOf(text: string, patterns: readonly RegExp[]): string {
  const found = patterns.find((pattern) => pattern.test(text));
  return found === undefined ? text : text.replace(found, '');
}

function termsIn(text: string, terms: readonly string[]): number {
  const words = new Set(contentWords(text));
  return terms.filter((term) => words.has(term)).length;
}

const asides = [
  / \([^)]*\)/,
  /, (?:however|and not the pull itself)(?=[,.])/,
  / (?:therefore|accordingly|nevertheless|really|rather|very|completely)\b/,
];

const plainWords: readonly (readonly [RegExp, string])[] = [
  [/in order to/, 'to'],
  [/in the course of a single day/, 'in one day'],
  [/in the manner in which/, 'as'],
  [/the reason why/, 'why'],
  [/in a number of/, 'in some'],
  [/is sufficient for/, 'is enough for'],
  [/underneath/, 'below'],
];
