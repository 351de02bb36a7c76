type AddressOf = (bytes: Uint8Array) => bigint

let addressOf: AddressOf | null = null
let loading: Promise<boolean> | null = null

async function load(): Promise<boolean> {
  try {
    const { default: koffi } = await import('koffi')
    const ask: AddressOf = (bytes) => koffi.address(bytes)
    // Whoever asks later cannot be told that it does not work here.
    ask(new Uint8Array(new ArrayBuffer(1)))
    addressOf = ask
    return true
  } catch {
    return false
  }
}

/** Has addresses known from now on; false where the native library does not load. Never rejects. */
export function loadAddresses(): Promise<boolean> {
  loading ??= load()
  return loading
}

/** Whether these bytes begin at a multiple of `alignment` in memory; false before `loadAddresses`. */
export function isAligned(bytes: Uint8Array, alignment: number): boolean {
  return addressOf !== null && addressOf(bytes) % BigInt(alignment) === 0n
}

/**
 * The first place in a buffer, from `least` on, that is at a multiple of `alignment` in memory: at most `alignment` - 1
 * bytes later. `least` itself before `loadAddresses`.
 */
export function alignedPlace(buffer: ArrayBuffer, least: number, alignment: number): number {
  if (addressOf === null || alignment === 1) return least
  const beyond = Number((addressOf(new Uint8Array(buffer)) + BigInt(least)) % BigInt(alignment))
  return beyond === 0 ? least : least + alignment - beyond
}
