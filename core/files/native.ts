/** The calls of the C library that Node has not (libc.ts); null on Windows, and where the native library does not load. */
export const native = process.platform === 'win32' ? null : await import('./libc.ts').catch(() => null)
