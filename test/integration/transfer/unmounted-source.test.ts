import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { openLedger } from '../../../core/ledger/ledger.ts'
import { canMount, mountExt4 } from '../../support/faults/mounts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import {
  allSent,
  DESTINATION,
  listFoundFiles,
  makeHome,
  offerAll,
  readTree,
  SOURCE,
  senderConfig,
  startListening,
  startTestSender,
  writeFile,
} from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

describe.skipIf(!canMount)('unmounted source disk (needs root: mounts)', () => {
  test('a waiting file is not dropped, renewed, marked or sent before the disk is back, also by a new sender', async () => {
    const disk = await mountExt4(onTestFinished)
    const base = temporaryDirectory('unmounted')
    const home = { ...(await makeHome(path.join(base, 'home'))), source: path.join(disk.point, 'data') }
    for (const name of ['gone', 'other', 'sent']) writeFile(home.source, name, `${name} on the disk`)
    offerAll(home)
    const ledger = openLedger(home.ledgerPath)
    onTestFinished(() => ledger.close())
    ledger.rememberHome(SOURCE, disk.point)
    const sentFile = listFoundFiles(home.source).find((one) => one.path === 'sent')
    const claim = ledger
      .take(DESTINATION, SOURCE, 10, Date.now(), new Set())
      .find((due) => due.path === sentFile?.path)
    ledger.markSent([{ id: claim?.id ?? 0, generation: claim?.generation ?? 0, mark: true }], Date.now())
    await disk.unmount()
    writeFile(home.source, 'other', 'underneath')
    const attempts = () =>
      ledger
        .files([DESTINATION], { source: SOURCE, state: 'waiting', before: null, limit: 10 })
        .files.map((file) => [file.path, file.attempts])
    const before = attempts()

    const { receiver, at } = await startListening(path.join(base, 'store'), [home])
    const config = senderConfig(home, at, { groupWriteMark: true })
    const first = startTestSender()
    first.configure(config)
    await until('connected', () => first.report()?.connection.state === 'connected')
    // Files of another source pass, so it has looked at this one, too.
    const other = path.join(base, 'other-source')
    writeFile(other, 'file', 'another')
    offerAll(home, listFoundFiles(other, 'source-2'))
    const second = { id: 'source-2', path: other, name: 'other', groupWriteMark: false, paused: false }
    first.configure({ ...config, sources: [...config.sources, second] })
    await until('the other source is sent', () => first.report()?.totals['source-2']?.sentFiles === 1)
    await first.kill()
    expect(attempts()).toEqual(before)
    expect(ledger.dueMarks(DESTINATION, SOURCE, 10)).toHaveLength(1)
    expect(receiver.report()?.receivedFiles ?? 0).toBeLessThanOrEqual(1)

    const sender = startTestSender()
    sender.configure(config)
    await until('connected again', () => sender.report()?.connection.state === 'connected')
    fs.rmSync(home.source, { recursive: true })
    await disk.mountAgain()
    await allSent(sender, 3)
    await until('the mark is set', () => ledger.dueMarks(DESTINATION, SOURCE, 10).length === 0)
    const arrived = readTree(path.join(base, 'store', 'sender-1', 'data'))
    const { gone, other: changed } = readTree(home.source)
    expect(arrived).toEqual({ gone, other: changed })
    await sender.kill()
  })

  test('a disk mounted inside a source keeps its own files waiting, and the other files are sent', async () => {
    const disk = await mountExt4(onTestFinished)
    const base = temporaryDirectory('unmounted')
    const home = { ...(await makeHome(path.join(base, 'home'))), source: path.dirname(disk.point) }
    for (const name of ['disk/waits', 'other']) writeFile(home.source, name, name)
    const wanted = listFoundFiles(home.source).filter((one) => ['disk/waits', 'other'].includes(one.path))
    offerAll(home, wanted)
    const ledger = openLedger(home.ledgerPath)
    onTestFinished(() => ledger.close())
    // The source's own disk is there.
    ledger.rememberHome(SOURCE, '/')
    ledger.rememberMountsInside(SOURCE, [{ path: 'disk', point: disk.point }])
    await disk.unmount()
    const { at } = await startListening(path.join(base, 'store'), [home])
    const sender = startTestSender()
    sender.configure(senderConfig(home, at))
    await until('the other file is sent', () => ledger.lookup(DESTINATION, SOURCE, 'other')?.state === 'sent')
    const attempts = () =>
      ledger.files([DESTINATION], { source: SOURCE, state: 'waiting', before: null, limit: 10 }).files[0]
        ?.attempts
    await until('it was looked for', () => (attempts() ?? 0) > 0)
    expect(ledger.totals(DESTINATION)[SOURCE]).toMatchObject({ waitingFiles: 1, sentFiles: 1 })
    await sender.kill()
  })
})
