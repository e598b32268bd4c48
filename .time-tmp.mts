import { createRunner, graph, input, node } from 'troupe';
for (const n of [1000, 2000, 4000, 8000]) {
  const nodes = Array.from({ length: n }, (_, i) => node({ name: `n${i}`, inputs: { [`x${i}`]: input<number>() }, output: `x${i + 1}`, run: (g: any) => g[`x${i}`] + 1 }));
  let t = performance.now();
  const g = (graph as any)({ name: 'g', nodes });
  const build = performance.now() - t;
  t = performance.now();
  const r = createRunner().runSync(g, { x0: 0 } as any);
  const run = performance.now() - t;
  t = performance.now();
  r.nodes;
  console.log(n, build.toFixed(), run.toFixed(), (performance.now() - t).toFixed());
}
for (const n of [1000, 2000, 4000, 8000]) {
  const nodes = Array.from({ length: n }, (_, i) => node({ name: `n${i}`, inputs: { n: input<number>() }, output: `x${i + 1}`, run: (g: any) => g.n + 1 }));
  let t = performance.now();
  const g = (graph as any)({ name: 'g', nodes });
  const build = performance.now() - t;
  t = performance.now();
  const r = createRunner().runSync(g, { n: 0 } as any);
  const run = performance.now() - t;
  console.log('wide', n, build.toFixed(), run.toFixed());
}
