/** The page's style sheet; the charts take their colours from its variables. */
export const reportStyle = `
:root {
  color-scheme: light dark;
  --paper: #ffffff; --panel: #f6f7f9; --ink: #1b2430; --muted: #5d6878; --rule: #dde2e8; --land: #e6eaef;
  --blue: #2563a8; --blue-pale: #cfe0f2; --red: #c8432b;
  --heat-0: #3d7fb5; --heat-1: #9cc3dd; --heat-2: #f6d9a8; --heat-3: #f2b26d;
  --heat-4: #e5803f; --heat-5: #c8432b; --heat-6: #8a1c2b;
  --kind-0: #8792a2; --kind-1: #2f8f83; --kind-2: #2563a8; --kind-3: #6f9fd0; --kind-4: #e0ab45; --kind-5: #8c5fb0;
  --kind-6: #7d8f3c; --kind-7: #b0567f; --kind-8: #a0704a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #12161c; --panel: #1a2029; --ink: #e6eaf0; --muted: #98a4b3; --rule: #2c3541; --land: #252d38;
    --blue: #6aa7e8; --blue-pale: #21405f; --red: #f0785f;
    --heat-0: #3f86c4; --heat-1: #7fb0d3; --heat-2: #dcc08e; --heat-3: #e6a55e;
    --heat-4: #e8823f; --heat-5: #e2553c; --heat-6: #c22f45;
    --kind-0: #8a95a5; --kind-1: #45b3a4; --kind-2: #6aa7e8; --kind-3: #4b7fb5; --kind-4: #d9a94d; --kind-5: #b48ad6;
    --kind-6: #a5b860; --kind-7: #d982a6; --kind-8: #c79a74;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 Inter, ui-sans-serif, system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif;
  font-variant-numeric: tabular-nums;
}
main { max-width: 1120px; margin: 0 auto; padding: 56px 32px 80px; }
.kicker { margin: 0 0 8px; color: var(--blue); font-weight: 600; font-size: 14px; }
h1 { margin: 0; font-size: 40px; line-height: 1.12; letter-spacing: -0.02em; max-width: 22em; text-wrap: balance; }
.lede { margin: 16px 0 0; color: var(--muted); font-size: 18px; max-width: 44em; }
h2 { margin: 72px 0 6px; font-size: 25px; line-height: 1.2; letter-spacing: -0.015em; }
h3 { margin: 0; font-size: 16px; line-height: 1.35; }
section > p { margin: 0 0 20px; max-width: 46em; color: var(--muted); }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 1px;
  margin: 36px 0 0; background: var(--rule); border: 1px solid var(--rule); border-radius: 10px; overflow: hidden; }
.figures div { background: var(--paper); padding: 18px 20px; }
.figures dt { color: var(--muted); font-size: 13px; }
.figures dd { margin: 4px 0 0; font-size: 27px; font-weight: 650; letter-spacing: -0.02em; line-height: 1.1; }
.figures small { font-size: 14px; font-weight: 450; color: var(--muted); letter-spacing: 0; }
.conclusions { list-style: none; counter-reset: conclusion; margin: 20px 0 0; padding: 0; }
.conclusions li { counter-increment: conclusion; position: relative; padding: 16px 0 16px 48px; border-top: 1px solid var(--rule); }
.conclusions li::before { content: counter(conclusion); position: absolute; left: 0; top: 15px; width: 28px; height: 28px;
  border-radius: 50%; background: var(--blue-pale); color: var(--ink); font-size: 14px; font-weight: 600; line-height: 28px; text-align: center; }
.conclusions p { margin: 3px 0 0; color: var(--muted); max-width: 52em; }
.approval { display: inline-block; margin: 8px 0 0; padding: 8px 14px; border-radius: 8px; background: var(--panel); font-size: 14px; }
.approval b { color: var(--kind-1); }
.columns { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 40px 48px; align-items: start; }
.columns.wide-left { grid-template-columns: minmax(0, 1.6fr) minmax(0, 1fr); }
figure { margin: 28px 0 0; min-width: 0; }
.columns figure { margin: 20px 0 0; }
figcaption p { margin: 2px 0 14px; color: var(--muted); font-size: 14px; line-height: 1.45; }
figure svg { display: block; width: 100%; height: auto; font-family: inherit; overflow: visible; }
.table { overflow-x: auto; margin-top: 20px; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { padding: 7px 10px; text-align: right; border-bottom: 1px solid var(--rule); white-space: nowrap; }
th { color: var(--muted); font-weight: 500; font-size: 12.5px; vertical-align: bottom; line-height: 1.3; }
thead th { border-bottom: 1px solid var(--muted); }
th:first-child, td:first-child { padding-left: 0; }
.text { text-align: left; }
.code { font-weight: 650; }
.name { color: var(--muted); }
td.name { max-width: 260px; overflow: hidden; text-overflow: ellipsis; }
.meter { display: inline-block; width: 64px; height: 7px; margin-left: 10px; border-radius: 4px; background: var(--rule); overflow: hidden; }
.meter i { display: block; height: 100%; background: var(--blue); border-radius: 4px; }
.compact th, .compact td { padding: 6px 5px; white-space: normal; }
.key { display: inline-block; width: 10px; height: 10px; border-radius: 3px; margin-right: 8px; }
footer { margin-top: 72px; padding-top: 20px; border-top: 1px solid var(--rule); color: var(--muted); font-size: 13px; }
@media (max-width: 860px) {
  main { padding: 32px 18px 56px; }
  h1 { font-size: 30px; }
  figure { overflow-x: auto; }
  figure svg { min-width: 680px; }
  .columns figure svg { min-width: 0; }
  .columns, .columns.wide-left { grid-template-columns: minmax(0, 1fr); }
}
@media print { main { max-width: none; padding: 0; } figure, li, tr { break-inside: avoid; } }
`;
