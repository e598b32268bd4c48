import type { Draft } from 'immer';

const BITS = 5;
const WIDTH = 1 << BITS;
const MASK = WIDTH - 1;

/**
 * A list that can be changed at one place by copying the 32-wide path to it, so that snapshots share all the rest.
 * (Bagwell and Rompf, RRB-Trees, 2012, without the relaxation; immer copies the path.)
 */
export interface PersistentList<Item> {
  readonly size: number;
  /** How many levels of branches stand above the leaves. */
  readonly height: number;
  readonly root: Branch<Item>;
}

type Branch<Item> = readonly (Branch<Item> | Item)[];

/** A list without items. */
export function emptyList<Item>(): PersistentList<Item> {
  return { size: 0, height: 0, root: [] };
}

/** The item at an index below the list's size. */
export function itemAt<Item>(list: PersistentList<Item>, index: number): Item {
  let branch = list.root;
  for (let shift = list.height * BITS; shift > 0; shift -= BITS) {
    branch = branch[(index >>> shift) & MASK] as Branch<Item>; // above the leaves all are branches
  }
  return branch[index & MASK] as Item; // in a leaf all are items
}

/** Sets items of a list under immer's `produce`, in ascending order of index; the first new index is the list's size. */
export function setItems<Item>(
  draft: Draft<PersistentList<Item>>,
  items: Iterable<readonly [index: number, item: Item]>,
): void {
  let leaf: unknown[] | undefined;
  let leafOf = -1;
  for (const [index, item] of items) {
    if (index >>> BITS !== leafOf || leaf === undefined) {
      leaf = leafFor(draft, index);
      leafOf = index >>> BITS;
    }
    leaf[index & MASK] = item;
    if (index >= draft.size) draft.size = index + 1;
  }
}

/** A list as immer's draft of it: the same shape, to be changed. */
interface GrowingList {
  size: number;
  height: number;
  root: unknown[];
}

function leafFor(list: GrowingList, index: number): unknown[] {
  while (index >= WIDTH ** (list.height + 1)) {
    list.root = [list.root];
    list.height += 1;
  }
  let branch = list.root;
  for (let shift = list.height * BITS; shift > 0; shift -= BITS) {
    const place = (index >>> shift) & MASK;
    branch[place] ??= [];
    branch = branch[place] as unknown[]; // above the leaves all are branches
  }
  return branch;
}
