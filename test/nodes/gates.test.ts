import { ifElse } from 'troupe';
import { expect, test } from 'vitest';

test('an ifElse that has one target for both is refused, by its name', () => {
  const define = () => ifElse({ name: 'isLong', then: 'cut', else: 'cut', run: () => true });

  expect(define).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }));
  expect(define).toThrow('"isLong"');
});
