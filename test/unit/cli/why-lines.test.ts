import { expect, test } from 'vitest'
import { explanationLines } from '../../../cli/send/why.ts'
import { message } from '../../../core/lib/i18n/message.ts'

test('`holdfast why` of a folder: what is left out is counted as files and folders, since a folder counts as one', () => {
  const all = ['*.log', 'cache/'].map((pattern) => message('scan.why.ignored', { pattern }))
  const others = all.map((why, index) => ({ why, files: index + 1 }))
  const more = Array.from({ length: 10 }, () => ({ why: message('scan.why.mark'), files: 1 }))
  const lines = explanationLines(
    {
      ...{
        path: '/data',
        folder: { id: 's', name: 'data', file: '' },
        verdict: 'folder',
        places: [],
        steps: [],
      },
      ...{ sentence: message('why.folder', { sent: 0, waiting: 0 }), details: [] },
      below: { sent: 0, waiting: 0, others: [...others, ...more], isPart: false },
    },
    '',
  )
  expect(lines).toContain('  1 file or folder     left out by the ignore pattern *.log')
  expect(lines).toContain('  2 files and folders  left out by the ignore pattern cache/')
  expect(lines).toContain('  2 more files and folders, for other reasons')
})
