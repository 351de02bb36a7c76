/** A file's extended attributes by its open descriptor; null: it has none, or the native library does not load here. */
export const attributesOf: (fd: number) => Record<string, Buffer> | null =
  process.platform === 'linux'
    ? await import('./libc.ts').then(
        (libc) => libc.attributesOf,
        () => () => null,
      )
    : () => null
