import { chmodSync, existsSync, lstatSync, mkdirSync, renameSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { scannedSource } from '../../support/scan/bursts.ts'
import { exchangeNames, setAttributeByPath } from '../../support/scan/libc.ts'
import { openTree, passed } from '../../support/scan/tree.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

// The scanner of these tests compares once an hour: what it finds, its watches have told of.
describe.skipIf(process.platform !== 'linux')('changes without a close (Linux: inotify)', () => {
  test.each<[name: string, change: (file: string) => void]>([
    ['chmod', (file) => chmodSync(file, 0o600)],
    ['touch', (file) => utimesSync(file, 1e9, 1e9)],
    ['setfattr', (file) => setAttributeByPath(file, 'user.note', 'new')],
  ])('attributes: %s of a sent file offers it again', async (_, change) => {
    const { root, paths, sendAll } = await scannedSource()
    writeFileSync(path.join(root, 'a'), 'a')
    await until('it is offered', () => paths().includes('a'))
    sendAll()
    expect(paths()).toEqual([])
    change(path.join(root, 'a'))
    await until('it is offered again', () => paths().includes('a'))
  })

  test('attributes: mode changes of 12,000 files at once are all reported', async () => {
    const root = temporaryDirectory('attributes', existsSync('/dev/shm') ? '/dev/shm' : undefined)
    const names = Array.from({ length: 12_000 }, (_, index) => `f${index}`)
    for (const name of names) writeFileSync(path.join(root, name), '')
    const { recorder } = await openTree('inotify', root)
    for (const name of names) chmodSync(path.join(root, name), 0o600)
    await until('each is reported', () => new Set(recorder.paths).size === names.length)
  })

  test('attributes: the mark of a sent file in a batch directory does not offer it again', async () => {
    const { root, paths, ledger, scanner } = await scannedSource({}, { settings: { kind: 'batch' } })
    const file = path.join(root, 'DC1/a')
    mkdirSync(path.dirname(file))
    writeFileSync(file, 'a')
    await until('it is offered', () => paths().includes('DC1/a'))
    const [due] = ledger.take('there', 's', 1, Date.now(), new Set())
    if (due === undefined) throw new Error('nothing waits')
    ledger.markSent([{ ...due, mark: true }], Date.now())
    chmodSync(file, 0o664)
    ledger.marksDone([{ ...due, ctimeNs: lstatSync(file, { bigint: true }).ctimeNs }])
    scanner.nudge()
    const after = path.join(root, 'DC1/after')
    writeFileSync(after, 'after')
    chmodSync(after, 0o600)
    // Its look comes behind that of the first one: both wait equally long.
    const { ctimeNs } = lstatSync(after, { bigint: true })
    await until('the later one is offered as it is now', () =>
      ledger.take('there', 's', 9, Date.now(), new Set()).some((one) => one.ctimeNs === ctimeNs),
    )
    expect(paths()).toEqual(['DC1/after'])
  })

  test('two exchanged directories are watched under their new names', async () => {
    const root = temporaryDirectory('exchange')
    for (const name of ['a/deep', 'b/deep']) mkdirSync(path.join(root, name), { recursive: true })
    writeFileSync(path.join(root, 'a/deep/of-a'), '')
    const { recorder } = await openTree('inotify', root)
    exchangeNames(path.join(root, 'a'), path.join(root, 'b'))
    await until('what moved is reported', () => recorder.paths.includes('b/deep/of-a'))
    await passed(root, () => recorder.paths)
    for (const name of ['a/x', 'b/x', 'a/deep/x', 'b/deep/x']) writeFileSync(path.join(root, name), 'x')
    const later = ['a/x', 'b/x', 'a/deep/x', 'b/deep/x']
    await until('all are reported', () => later.every((one) => recorder.paths.includes(one)))
  })

  test('a directory that takes the name of a just renamed one is watched', async () => {
    const root = temporaryDirectory('exchange')
    const { recorder } = await openTree('inotify', root)
    for (let round = 0; round < 20; round += 1) {
      mkdirSync(path.join(root, 'd'))
      mkdirSync(path.join(root, 'fresh'))
      renameSync(path.join(root, 'd'), path.join(root, `gone-${round}`))
      renameSync(path.join(root, 'fresh'), path.join(root, 'd'))
      await passed(root, () => recorder.paths)
      writeFileSync(path.join(root, `d/file-${round}`), '')
      await until('its file is reported', () => recorder.paths.includes(`d/file-${round}`))
      renameSync(path.join(root, 'd'), path.join(root, `left-${round}`))
    }
  })
})
