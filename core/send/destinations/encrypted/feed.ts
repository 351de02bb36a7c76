/** What is written at one end is read at the other, piece by piece, as the library of age wants it. */
export function openFeed() {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
  const writer = writable.getWriter()
  const isDone = (work: Promise<void>): Promise<boolean> =>
    work.then(
      () => true,
      () => false,
    )
  return {
    readable,
    /** Resolves when the bytes are wanted; they may be changed at once. False: nothing is wanted any more. */
    write(bytes: Uint8Array): Promise<boolean> {
      void isDone(writer.write(new Uint8Array(bytes)))
      // A write that is under way would not hear of a drop.
      return isDone(writer.ready)
    },
    end: () => void isDone(writer.close()),
    /** Whoever still writes or reads waits no longer. */
    drop: () => void isDone(writer.abort(new Error('dropped'))),
  }
}
