import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs'
import path from 'node:path'
import { monotonicMs } from './monotonic.ts'
import { BURST, burstFile, type Scenario, WARM_UP, WARM_UP_WORD, warmUpFile } from './scan-burst-plan.ts'

/**
 * A process that writes one burst as fast as it can: `node scan-burst-writer.ts ROOT SCENARIO|warm-up OUT`. When all is
 * written it puts into OUT, as JSON, when each file was closed.
 */
const [root = '', scenario = 'existing', out = ''] = process.argv.slice(2)
const content = Buffer.alloc(BURST.bytes, 'x')
const closedAt: number[] = []
const isWarmUp = scenario === WARM_UP_WORD
let made = ''
for (let index = 0; index < (isWarmUp ? WARM_UP : BURST.files); index += 1) {
  const file = path.join(root, isWarmUp ? warmUpFile(index) : burstFile(scenario as Scenario, index))
  const directory = path.dirname(file)
  // Straight after the directory its files follow: what came between the two is what watchers lose.
  if (directory !== made) mkdirSync(directory, { recursive: true })
  made = directory
  const fd = openSync(file, 'wx')
  writeSync(fd, content)
  closeSync(fd)
  closedAt.push(monotonicMs())
}
writeFileSync(out, JSON.stringify(closedAt))
