// @module-tag story
import { spawn } from 'node:child_process'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { openLedger } from '../../../core/ledger/ledger.ts'
import { noTotals } from '../../../core/ledger/ledger-messages.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const LEDGER = fileURLToPath(new URL('../../../core/ledger/ledger.ts', import.meta.url))

/** Offers files in chunks, as fast as it can, until it is killed or has done `count`. */
function offering(file: string, source: string, count: number) {
  const script = `
    const { openLedger } = await import(${JSON.stringify(LEDGER)})
    const ledger = openLedger(${JSON.stringify(file)})
    for (let at = 0; at < ${count}; at += 50) {
      const facts = { source: ${JSON.stringify(source)}, size: 3, mtimeNs: 1n, ctimeNs: 1n, inode: 1n, device: 1n }
      ledger.offer('d', Array.from({ length: 50 }, (_, index) => ({ ...facts, path: 'f' + (at + index) })))
      console.log(at + 50)
    }
    ledger.close()`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 2],
  })
  let offered = 0
  child.stdout?.on('data', (text: Buffer) => {
    offered = Number(text.toString().trim().split('\n').at(-1))
  })
  const gone = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)))
  return { child, gone, offered: () => offered }
}

test('ledger: processes that create, fill and drain it at once lose no file and count correctly', async () => {
  const file = path.join(temporaryDirectory('ledger'), 'ledger.db')
  const writers = [offering(file, 'a', 3_000), offering(file, 'b', 3_000)]
  const ledger = openLedger(file)
  let sent = 0
  const drain = () => {
    const due = ['a', 'b'].flatMap((source) => ledger.take('d', source, 100, Date.now(), new Set()))
    sent += ledger.markSent(
      due.map((claim) => ({ ...claim, mark: false })),
      1,
    ).size
  }
  let over = false
  const all = Promise.all(writers.map(({ gone }) => gone)).then((codes) => {
    over = true
    return codes
  })
  while (!over || sent < 6_000) {
    drain()
    await new Promise(setImmediate)
  }
  expect(await all).toEqual([0, 0])
  const totals = { ...noTotals, sentFiles: 3_000, sentBytes: 9_000 }
  expect(ledger.totals('d')).toEqual({ a: totals, b: totals })
  ledger.close()
})

test('ledger: kill -9 of a process that offers files keeps all offered files, in whole chunks only', async () => {
  const file = path.join(temporaryDirectory('ledger'), 'ledger.db')
  for (let round = 1; round <= 3; round += 1) {
    const writer = offering(file, `s${round}`, 1_000_000)
    while (writer.offered() < 500) await new Promise(setImmediate)
    writer.child.kill('SIGKILL')
    await writer.gone
    const ledger = openLedger(file)
    expect(ledger.notice).toBeNull()
    const { waitingFiles = 0, waitingBytes } = ledger.totals('d')[`s${round}`] ?? {}
    expect(waitingFiles).toBeGreaterThanOrEqual(writer.offered())
    expect(waitingFiles % 50).toBe(0)
    expect(waitingBytes).toBe(waitingFiles * 3)
    expect(ledger.unsentBelow('d', `s${round}`, '').waiting).toBe(waitingFiles)
    ledger.close()
  }
})
