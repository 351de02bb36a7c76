import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'

/** A NetworkManager that says what it is told to: `says` writes the answer, null stays without one. */
export function fakeBusctl(directory: string) {
  const bin = path.join(directory, 'bin')
  const answer = path.join(directory, 'metered')
  mkdirSync(bin)
  writeFileSync(path.join(bin, 'busctl'), `#!/bin/sh\nexec cat '${answer}'\n`, { mode: 0o755 })
  return {
    env: { PATH: `${bin}:${process.env.PATH}` },
    /** Of NMMetered: 1 yes, 2 no, 3 and 4 guesses of them, 0 unknown. */
    says: (metered: number) => writeFileSync(answer, `u ${metered}\n`),
  }
}
