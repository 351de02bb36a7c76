import { chmodSync, linkSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'vitest'
import { scannedSource } from '../../support/scan/bursts.ts'
import { until } from '../../support/until.ts'

// The scanner of these tests compares once an hour: what it finds, its watches have told of.
describe.skipIf(process.platform !== 'linux')('other names of a file (Linux: inotify)', () => {
  test('hard links: a file written through one name is offered under its other names', async () => {
    const { root, paths, sendAll } = await scannedSource()
    mkdirSync(path.join(root, 'd'))
    writeFileSync(path.join(root, 'a'), 'old')
    linkSync(path.join(root, 'a'), path.join(root, 'd/b'))
    await until('both are offered', () => paths().join() === 'a,d/b')
    sendAll()
    writeFileSync(path.join(root, 'a'), 'newer')
    await until('both are offered again', () => paths().join() === 'a,d/b')
    sendAll()
    chmodSync(path.join(root, 'd/b'), 0o600)
    await until('both are offered for their mode', () => paths().join() === 'a,d/b')
  })

  test('hard links: a file whose directory is renamed right after its change is offered under its other names', async () => {
    const { root, paths, sendAll } = await scannedSource()
    mkdirSync(path.join(root, 'd'))
    writeFileSync(path.join(root, 'a'), 'old')
    linkSync(path.join(root, 'a'), path.join(root, 'd/b'))
    await until('both are offered', () => paths().join() === 'a,d/b')
    sendAll()
    chmodSync(path.join(root, 'd/b'), 0o600)
    renameSync(path.join(root, 'd'), path.join(root, 'e'))
    await until('both are offered again', () => paths().join() === 'a,e/b')
  })

  test('hard links: a write through one of 10,000 names offers the file under all of them', async () => {
    const { root, paths, sendAll } = await scannedSource()
    writeFileSync(path.join(root, 'f0'), 'old')
    for (let index = 1; index < 10_000; index += 1)
      linkSync(path.join(root, 'f0'), path.join(root, `f${index}`))
    await until('all are offered', () => paths().length === 10_000)
    sendAll()
    writeFileSync(path.join(root, 'f77'), 'newer')
    await until('all are offered again', () => paths().length === 10_000)
  })
})
