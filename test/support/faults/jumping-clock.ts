import { readFileSync } from 'node:fs'

// Loaded into a worker before all else (NODE_OPTIONS=--import): a clock that jumps when the process gets SIGUSR2, by as
// many milliseconds as the file HOLDFAST_TEST_CLOCK says.

const RealDate = Date
let offset = 0

class JumpingDate extends RealDate {
  constructor(...values: [] | [number | string | Date]) {
    if (values.length === 0) super(JumpingDate.now())
    else super(...values)
  }
  static override now(): number {
    return RealDate.now() + offset
  }
}
globalThis.Date = JumpingDate as DateConstructor

process.on('SIGUSR2', () => {
  offset = Number(readFileSync(process.env.HOLDFAST_TEST_CLOCK ?? '', 'utf8'))
})
