// The least that a check can cost: the paths in the arguments, read once a second by a bare synchronous loop.
import { closeSync, constants, openSync, readdirSync, readSync } from 'node:fs'
import path from 'node:path'

const [directory = '.'] = process.argv.slice(2)
const paths = readdirSync(directory).map((name) => path.join(directory, name))
// O_DIRECT wants aligned memory, which WebAssembly's is.
const memory = new Uint8Array(new WebAssembly.Memory({ initial: 1 }).buffer, 0, 4096)

setInterval(() => {
  for (const one of paths) {
    const file = openSync(one, constants.O_RDONLY | constants.O_DIRECT)
    readSync(file, memory, 0, 4096, null)
    closeSync(file)
  }
}, 1_000)
