import leven from 'leven';

/** A hint for an unknown name: the closest known one if one is close (a third of its letters changed), else all of them. */
export function didYouMean(name: string, known: readonly string[]): string {
  const maxDistance = Math.ceil((name.length - 1) / 3);
  const [closest] = known
    .map((candidate) => ({
      candidate,
      distance: leven(name.toLowerCase(), candidate.toLowerCase(), { maxDistance: maxDistance + 1 }),
    }))
    .filter(({ distance }) => distance <= maxDistance)
    .toSorted((a, b) => a.distance - b.distance);
  if (closest !== undefined) return `Did you mean "${closest.candidate}"?`;
  return known.length === 0 ? 'There are none.' : `Known: ${known.map((each) => `"${each}"`).join(', ')}.`;
}
