/** Returns the items with keys for React: their text, and a number for equal texts. */
export function withKeys<T>(
  items: readonly T[],
  getText: (item: T) => string,
): readonly { key: string; item: T }[] {
  const seen = new Map<string, number>()
  return items.map((item) => {
    const text = getText(item)
    const count = (seen.get(text) ?? 0) + 1
    seen.set(text, count)
    return { key: `${count} ${text}`, item }
  })
}
