/** What is written at one end is read at the other, piece by piece, as the library of age wants it. */
export interface Feed {
  readonly readable: ReadableStream<Uint8Array>
  /** Resolves when the next piece is wanted; the bytes may be changed at once. False: nothing is wanted any more. */
  write(bytes: Uint8Array): Promise<boolean>
  end(): void
  /** Whoever still writes or reads waits no longer. */
  drop(): void
}

export function openFeed(): Feed {
  let isOver = false
  let waiting: ((isWanted: boolean) => void) | null = null
  const tell = (isWanted: boolean) => {
    waiting?.(isWanted)
    waiting = null
  }
  let ending: ReadableStreamDefaultController<Uint8Array> | null = null
  const readable = new ReadableStream<Uint8Array>({
    start(controller) {
      ending = controller
    },
    pull: () => tell(true),
    cancel() {
      isOver = true
      tell(false)
    },
  })
  const atEnd = (end: (controller: ReadableStreamDefaultController<Uint8Array>) => void) => {
    if (!isOver && ending !== null) end(ending)
    isOver = true
  }
  return {
    readable,
    write(bytes) {
      if (isOver || ending === null) return Promise.resolve(false)
      ending.enqueue(new Uint8Array(bytes))
      if ((ending.desiredSize ?? 0) > 0) return Promise.resolve(true)
      return new Promise((resolve) => {
        waiting = resolve
      })
    },
    end: () => atEnd((controller) => controller.close()),
    drop() {
      atEnd((controller) => controller.error(new Error('dropped')))
      tell(false)
    },
  }
}
