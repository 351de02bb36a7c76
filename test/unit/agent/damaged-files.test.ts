import { expect, test } from 'vitest'
import { describeDamaged } from '../../../core/agent/parts/alerts/damaged-files.ts'
import { evidenceSchema } from '../../../core/check/evidence/evidence-messages.ts'
import type { NamedFile } from '../../../core/ledger/ledger-messages.ts'
import { createWords } from '../../../core/lib/i18n/words.ts'
import { settingsSchema } from '../../../core/settings/schema.ts'

const settings = settingsSchema.parse({
  sources: [{ id: 's', name: 'My photos', path: '/data/photos' }],
  destinations: [{ id: 'usb', name: 'usb', kind: 'folder', path: '/mnt/usb' }],
})

/** Returns the sentences about files as the scanner names them, and what it was asked. */
async function describeNamed(files: readonly NamedFile[], inodes = ['12']) {
  const asked: unknown[] = []
  const scanner = {
    request: async (name: string, input: unknown) => {
      asked.push([name, input])
      return { files }
    },
  }
  const agent = { scanner, settings: { get: () => settings } } as unknown as Parameters<
    typeof describeDamaged
  >[0]
  const evidence = evidenceSchema.parse({
    ...{ failedAt: 0, readAt: 0, cause: [], lines: [], omitted: 0, inodes, facts: [], unread: [] },
  })
  const sentences = await describeDamaged(agent, '8:17', evidence)
  return { asked, sentences }
}

const named = (destination: string, sentAt: number | null) => ({
  ...{ source: 's', path: 'a/it’s.jpg', destination, sentAt },
})

test('damaged files: each is named with its path and its copy, or that it has none', async () => {
  const at = new Date().setHours(8, 5)
  const { asked, sentences } = await describeNamed([
    named('usb', at),
    named('embedded', at),
    named('usb', null),
    { ...named('usb', at), source: 'removed' },
  ])
  const words = createWords('en')
  const command = (from: string) => `restore --from ${from} 'My photos/a/it’s.jpg'`
  expect(sentences.map(words)).toEqual([
    expect.stringMatching(
      /^\/data\/photos\/a\/it’s\.jpg may be damaged\. It was last sent to usb at 08:05\./,
    ),
    expect.stringContaining('last copied to the folder on this computer at 08:05.'),
    '/data/photos/a/it’s.jpg may be damaged. It has not been sent to any destination.',
  ])
  expect(sentences.slice(0, 2).map(words)).toEqual([
    expect.stringContaining(command('usb')),
    expect.stringContaining(command('embedded')),
  ])
  expect(asked).toEqual([
    [
      'filesOfInodes',
      {
        ...{ device: '8:17', inodes: ['12'], sources: { s: '/data/photos' } },
        ...{ destinations: ['usb', 'embedded'], most: 20 },
      },
    ],
  ])
})

test('damaged files: without an inode, nobody is asked', async () => {
  expect(await describeNamed([named('usb', 1)], [])).toEqual({ asked: [], sentences: [] })
})
