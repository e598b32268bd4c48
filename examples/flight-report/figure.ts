import { html, Markup } from './html.ts';

/** A chart below its title and how to read it; `svg` is put in as it is. */
export function showFigure(title: string, explanation: string, svg: string): Markup {
  return html`<figure>
    <figcaption>
      <h3>${title}</h3>
      <p>${explanation}</p>
    </figcaption>
    ${new Markup(svg)}
  </figure>`;
}
