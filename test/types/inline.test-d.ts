import { node } from 'troupe';
import { expectTypeOf, test } from 'vitest';

test('a node may be written where it is called', () => {
  node('parent', async (_: unknown, ctx) => {
    expectTypeOf(await ctx.call(node('leaf', () => 1))).toEqualTypeOf<number>();
    expectTypeOf(
      await ctx.call(
        node('twice', async (n: number) => n * 2),
        1,
      ),
    ).toEqualTypeOf<number>();
  });
});
