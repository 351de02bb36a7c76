// Ends of a block, declared where it begins: what is opened is closed whether the block returns or throws.

/** Calls `end` when the block ends: `using _ = defer(() => closeSync(fd))`. */
export const defer = (end: () => unknown): Disposable => ({ [Symbol.dispose]: () => void end() })

/** Calls `end` when the block ends, and awaits it: `await using _ = deferAsync(() => closeFd(fd))`. */
export const deferAsync = (end: () => Promise<unknown>): AsyncDisposable => ({
  [Symbol.asyncDispose]: async () => void (await end()),
})
