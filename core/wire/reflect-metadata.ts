/**
 * @peculiar/x509 registers its parts through tsyringe, which insists on the metadata proposal's API
 * (https://rbuckton.github.io/reflect-metadata/) on Reflect. These are the calls that it makes, kept in a
 * WeakMap; an implementation that is already there is left alone.
 */
export function provideReflectMetadata(): void {
  if ('getMetadata' in Reflect) return
  const kept = new WeakMap<object, Map<unknown, unknown>>()
  const own = (key: unknown, target: object): unknown => kept.get(target)?.get(key)

  const getMetadata = (key: unknown, target: object): unknown => {
    for (let one: object | null = target; one !== null; one = Reflect.getPrototypeOf(one)) {
      if (kept.get(one)?.has(key) === true) return own(key, one)
    }
    return undefined
  }
  const defineMetadata = (key: unknown, value: unknown, target: object): void => {
    const entries = kept.get(target) ?? new Map<unknown, unknown>()
    entries.set(key, value)
    kept.set(target, entries)
  }
  Object.assign(Reflect, {
    getMetadata,
    defineMetadata,
    getOwnMetadata: own,
    hasMetadata: (key: unknown, target: object) => getMetadata(key, target) !== undefined,
    hasOwnMetadata: (key: unknown, target: object) => kept.get(target)?.has(key) === true,
    metadata: (key: unknown, value: unknown) => (target: object) => defineMetadata(key, value, target),
  })
}
