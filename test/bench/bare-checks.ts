// The least that a check can cost: what is in a directory, checked once a second by a bare synchronous loop.
import {
  closeSync,
  constants,
  fsyncSync,
  lstatSync,
  openSync,
  readdirSync,
  readSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import path from 'node:path'

const [directory = '.', does = 'read'] = process.argv.slice(2)
const paths = readdirSync(directory).map((name) => path.join(directory, name))
// O_DIRECT wants aligned memory, which WebAssembly's is.
const memory = new Uint8Array(new WebAssembly.Memory({ initial: 1 }).buffer, 0, 4096)

function readFile(one: string): void {
  const file = openSync(one, constants.O_RDONLY | constants.O_DIRECT)
  readSync(file, memory, 0, 4096, null)
  closeSync(file)
}

function writeIn(one: string): void {
  readdirSync(one)
  const name = path.join(one, '.bare')
  const file = openSync(name, 'wx')
  writeSync(file, 'x')
  fsyncSync(file)
  readFile(name)
  closeSync(file)
  lstatSync(name)
  unlinkSync(name)
}

setInterval(() => {
  for (const one of paths) does === 'write' ? writeIn(one) : readFile(one)
}, 1_000)
