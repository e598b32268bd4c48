import { graph, node, input, route, ifElse, END, interrupt } from 'troupe';
const I = (names) => Object.fromEntries(names.map((n) => [n, input()]));
const st = (name, reads, output) => node({ name, inputs: I(reads), output, run: () => 1 });
const shapes = {
  chain: (n) => Array.from({ length: n }, (_, i) => st(`n${i}`, i ? [`v${i - 1}`] : ['x'], `v${i}`)),
  chainReversed: (n) => Array.from({ length: n }, (_, i) => st(`n${i}`, i ? [`v${i - 1}`] : ['x'], `v${i}`)).toReversed(),
  wide: (n) => [st('root', ['x'], 'r'), ...Array.from({ length: n - 2 }, (_, i) => st(`n${i}`, ['r'], `v${i}`)), st('join', Array.from({ length: n - 2 }, (_, i) => `v${i}`), 'end')],
  ladder: (n) => Array.from({ length: Math.floor(n / 3) }, (_, i) => [
    ifElse({ name: `g${i}`, inputs: I([`v${i}`]), then: `a${i}`, else: `b${i}`, run: () => true }),
    st(`a${i}`, [`v${i}`], `v${i + 1}`), st(`b${i}`, [`v${i}`], `v${i + 1}`)]).flat(),
  elseIf: (n) => Array.from({ length: Math.floor(n / 2) }, (_, i) => [
    ifElse({ name: `g${i}`, inputs: I([`x`]), then: `a${i}`, else: i + 1 < Math.floor(n / 2) ? `g${i + 1}` : END, run: () => true }),
    st(`a${i}`, [`x`], `v${i}`)]).flat(),
  elseIfOneName: (n) => Array.from({ length: Math.floor(n / 2) }, (_, i) => [
    ifElse({ name: `g${i}`, inputs: I([`x`]), then: `a${i}`, else: i + 1 < Math.floor(n / 2) ? `g${i + 1}` : END, run: () => true }),
    st(`a${i}`, [`x`], `v`)]).flat(),
  router: (n) => [route({ name: 'pick', targets: Array.from({ length: n - 1 }, (_, i) => `n${i}`), run: () => 'n0' }), ...Array.from({ length: n - 1 }, (_, i) => st(`n${i}`, ['x'], 'v'))],
  loop: (n) => [...Array.from({ length: n - 1 }, (_, i) => st(`n${i}`, [i ? `v${i - 1}` : 'back'], i === n - 2 ? 'back' : `v${i}`)).map((x) => x), route({ name: 'again', inputs: I(['back']), targets: ['n0', END], run: () => END })],
  gatedLoop: (n) => [...Array.from({ length: Math.floor(n/2) }, (_, i) => [st(`n${i}`, [i ? `v${i - 1}` : 'back'], i === Math.floor(n/2) - 1 ? 'back' : `v${i}`), route({ name: `g${i}`, inputs: I([i === Math.floor(n/2) - 1 ? 'back' : `v${i}`]), targets: [`n${(i+1)%Math.floor(n/2)}`, END], run: () => END })]).flat()],
  ordered: (n) => Array.from({ length: n }, (_, i) => node({ name: `n${i}`, emits: [`e${i}`], ...(i ? { waitFor: [`e${i - 1}`] } : {}), run: () => 1 })),
  pipeOneName: (n) => Array.from({ length: n }, (_, i) => node({ name: `n${i}`, inputs: I(['x']), output: 'x', emits: [`e${i}`], ...(i ? { waitFor: [`e${i - 1}`] } : {}), run: () => 1 })),
};
const only = process.argv[2];
for (const [what, make] of Object.entries(shapes)) {
  if (only && what !== only) continue;
  const time = (n) => Math.min(...[1, 2, 3].map(() => { const nodes = make(n); const t = performance.now(); graph({ name: 'g', nodes }); return performance.now() - t; }));
  try { const s = time(500); const l = time(5000); console.log(what, s.toFixed(1), l.toFixed(1), (l / s).toFixed(1)); } catch (e) { console.log(what, e.message.slice(0, 200)); }
}
