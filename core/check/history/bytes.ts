/** Whole numbers from 0 as bytes: seven bits a byte, the lowest first; the eighth bit says that more follow. */
export class ByteWriter {
  #bytes = new Uint8Array(256)
  #length = 0

  number(value: number): void {
    if (this.#length + 8 > this.#bytes.length) this.#grow()
    let rest = value
    // Beyond 32 bits the operators of bits are of no use.
    while (rest >= 128) {
      this.#bytes[this.#length] = (rest % 128) + 128
      this.#length += 1
      rest = Math.floor(rest / 128)
    }
    this.#bytes[this.#length] = rest
    this.#length += 1
  }

  /** A number that may be negative. */
  signed(value: number): void {
    this.number(value < 0 ? -value * 2 - 1 : value * 2)
  }

  /** A copy of what was written. */
  done(): Uint8Array {
    return this.#bytes.slice(0, this.#length)
  }

  #grow(): void {
    const larger = new Uint8Array(this.#bytes.length * 2)
    larger.set(this.#bytes)
    this.#bytes = larger
  }
}

export class ByteReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  hasMore(): boolean {
    return this.#at < this.#bytes.length
  }

  number(): number {
    let value = 0
    let place = 1
    for (;;) {
      const byte = this.#bytes[this.#at] ?? 0
      this.#at += 1
      if (byte < 128) return value + byte * place
      value += (byte - 128) * place
      place *= 128
    }
  }

  signed(): number {
    const value = this.number()
    return value % 2 === 1 ? -(value + 1) / 2 : value / 2
  }
}
