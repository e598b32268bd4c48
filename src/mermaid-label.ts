/** A letter or a digit, of any language. */
const WORD = String.raw`[\p{L}\p{M}\p{N}]`;

/**
 * All but letters and digits, single spaces inside, and the marks of usual names between letters: it could be syntax of
 * Mermaid, of HTML, or of Markdown, which Mermaid looks for in labels. So could the space of `direction TB`, which
 * Mermaid takes for a statement wherever a line has it, and the dot of `www.`, which makes a link.
 */
const SPECIAL = new RegExp(
  `(?!${WORD}|(?<=[^ ])(?<!direction) (?=[^ ])|(?<=${WORD}(?<!www))[-_.](?=${WORD})).`,
  'gisu',
);

/** A text as a label of a Mermaid diagram: quoted, with entity codes for whatever could be taken for syntax. */
export function mermaidLabel(text: string): string {
  return `"${text.replace(SPECIAL, entity)}"`;
}

/** U+FFFD stands for what is no character: NUL, and half of a surrogate pair. */
function entity(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return `#${code === 0 || (code >= 0xd8_00 && code <= 0xdf_ff) ? 0xff_fd : code};`;
}
