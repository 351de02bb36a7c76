// @module-tag story
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { scannedSource, withoutKoffi } from '../../support/scan/bursts.ts'
import { until } from '../../support/until.ts'

describe.skipIf(process.platform !== 'linux')('watcher without the native library', () => {
  test('the source is polled, the log reports it, and a new nested file is offered', async () => {
    const source = await scannedSource(withoutKoffi)
    expect(source.phase()).toBe('polling')
    expect(source.scanner.logged.join('\n')).toMatch(/inotify cannot be used.*polled/)
    mkdirSync(path.join(source.root, 'deep/er'), { recursive: true })
    writeFileSync(path.join(source.root, 'deep/er/file'), 'content')
    await until('it is offered', () => source.paths().join() === 'deep/er/file')
  })
})
