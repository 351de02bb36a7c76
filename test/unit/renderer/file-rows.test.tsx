import { expect, test } from 'vitest'
import { FileName } from '../../../renderer/features/file/file-name.tsx'
import { FilePagesContext } from '../../../renderer/features/file/open-file.ts'
import { FileRow } from '../../../renderer/features/transfers/file-rows.tsx'
import type { FileState, LedgerFile } from '../../../renderer/state/types.ts'
import { renderWords } from './rendered.tsx'

const file: LedgerFile = {
  ...{ id: 7, source: 's', destination: 'd', path: '2026/clip.mov', size: 1_000, modifiedAt: null },
  ...{ state: 'waiting', attempts: 0, sentAt: null, removedAt: null, reason: null },
}
const transfer = { id: 7, source: 's', destination: 'd', path: file.path, size: 1_000, sentBytes: 420 }

test('file row: a file in transfer shows "being sent" with its percentage until it is sent; on this computer it is copied', () => {
  const row = (state: FileState, isOnItsWay: boolean, language: 'en' | 'zh-TW' = 'en', isHere = false) =>
    renderWords(
      <FileRow
        file={{ ...file, state }}
        transfer={isOnItsWay ? transfer : undefined}
        isHere={isHere}
        sourceName={undefined}
        destinationName={undefined}
      />,
      language,
    )
  expect(row('waiting', true)).toContain('being sent · 42%')
  expect(row('waiting', true, 'zh-TW')).toContain('傳送中 · 42%')
  expect(row('waiting', false)).toMatch(/ waiting $/)
  // The ledger is read again before the sender reports.
  expect(row('sent', true)).not.toContain('being sent')
  expect(row('sent', false)).toMatch(/ sent $/)
  expect(row('sent', false, 'en', true)).toMatch(/ copied $/)
  expect(row('sent', false, 'zh-TW', true)).toMatch(/ 已複製 $/)
})

test('file name: it opens the page of a file if its folder is protected', () => {
  const name = (source: string | null) =>
    renderWords(
      <FilePagesContext value={{ open: () => undefined, folders: new Map([['s', '/srv/data']]) }}>
        <FileName file={{ source, path: file.path }} />
      </FilePagesContext>,
    )
  expect(name('s')).toContain(`Where is ${file.path}`)
  for (const other of ['t', null]) expect(name(other)).not.toContain('Where is')
})
