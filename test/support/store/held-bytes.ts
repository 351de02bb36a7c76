import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** What is held on the heap now, once nothing is left there that nobody holds. */
export function heldBytes(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  return process.memoryUsage().heapUsed
}
