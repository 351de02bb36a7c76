import { describe, expect, test } from 'vitest'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { noTotals } from '../../../core/ledger/ledger-messages.ts'
import { type Message, message } from '../../../core/lib/i18n/message.ts'
import { destinationSchemas } from '../../../core/settings/destination-schema.ts'
import { receiveSettingsSchema } from '../../../core/settings/schema.ts'
import DestinationsPage from '../../../renderer/features/destinations/destinations-page.tsx'
import { newDraft } from '../../../renderer/features/destinations/draft.ts'
import { SftpFields } from '../../../renderer/features/destinations/sftp-fields.tsx'
import { TestResult } from '../../../renderer/features/destinations/test-result.tsx'
import { RestoreProgress } from '../../../renderer/features/restore/restore-progress.tsx'
import { incident, receivingWith, senderWith } from '../../support/agent/status.ts'
import { destinationState, emptyState, sourceState } from './fake-state.ts'
import { renderMarkup, renderWords } from './rendered.tsx'

const HOST_KEY = `SHA256:${'a'.repeat(43)}`
const totals = {
  ...noTotals,
  waitingFiles: 3,
  waitingBytes: 3072,
  sentFiles: 12,
  sentBytes: 1024,
  parkedFiles: 1,
}
const nas = destinationSchemas.sftp.parse({
  ...{ id: 'nas', name: 'nas', kind: 'sftp', host: 'nas.lan', user: 'ada', folder: 'pc', hostKey: HOST_KEY },
  recipient: `age1${'q'.repeat(58)}`,
})
const page = (destination: AppState['destinations'][number], changes: Partial<AppState> = {}) => {
  const settings = { ...emptyState().settings, destinations: [nas] }
  const state = emptyState({ settings, destinations: [destination], ...changes })
  return renderWords(<DestinationsPage state={state} place={null} />)
}

test('the warning about copies on this computer only is shown once a folder is protected', () => {
  const shown = (sources: AppState['sources']) =>
    renderWords(<DestinationsPage state={emptyState({ sources })} place={null} />)
  expect(shown([sourceState('photos', '/photos')])).toContain('Copied on this computer only')
  expect(shown([])).not.toContain('Copied on this computer only')
  expect(shown([])).toContain('Add destination')
})

describe('destination card', () => {
  test('an SFTP destination shows its kind, encryption, address, rate, and stored and waiting files', () => {
    const words = page(
      destinationState('nas', { kind: 'sftp', address: 'sftp://ada@nas.lan:22/', totals, rate: 2048 }),
    )
    expect(words).toMatch(/SFTP · encrypted · sftp:\/ *\/ *ada@nas\.lan:22\//)
    expect(words).toContain('12 safe · 1 KiB · 3 waiting · 3 KiB · 1 parked · 2 KiB/s')
  })

  test('a folder on this computer is not called safe, and adding a destination elsewhere is suggested', () => {
    const words = page(destinationState('nas', { kind: 'folder', elsewhere: false, totals }))
    expect(words).toContain('12 copied on this computer only')
    expect(words).not.toContain('safe')
    expect(words).toContain('Add a destination elsewhere, too.')
  })

  describe('a receiver on this computer beside nas-2', () => {
    const here = destinationState('attic', { kind: 'receiver', elsewhere: false, totals, name: 'attic' })
    const cardWith = (to: string[], waitingFiles: number) => {
      const others = [...to, 'attic'].map((id) => ({
        id,
        totals: { ...totals, parkedFiles: 0, waitingFiles },
        rate: 0,
        left: null,
      }))
      const sources = [sourceState('photos', '/photos', { destinations: others })]
      const destinations = [here, destinationState('nas-2', { name: 'nas-2' })]
      return renderWords(<DestinationsPage state={emptyState({ destinations, sources })} place={null} />)
    }

    test('it is called a receiver on this computer, and the destination that has the same files is named', () => {
      const words = cardWith(['nas-2'], 0)
      expect(words).toContain('Receiver on this computer')
      expect(words).toContain('12 copied here')
      expect(words).toContain('The same files are at nas-2.')
      expect(words).not.toContain('Add a destination elsewhere')
    })

    test('files that still wait for the other destination are not said to be there', () => {
      expect(cardWith(['nas-2'], 3)).toContain('The same files go to nas-2.')
    })

    test('sources that go nowhere else are named', () => {
      expect(cardWith([], 0)).toContain('no destination elsewhere gets: photos.')
    })
  })
})

test('destination card: an ejected folder shows since when, its waiting files and how it is used again', () => {
  const usb = { kind: 'folder' as const, ejectedAt: Date.now(), totals }
  const words = page(destinationState('nas', usb))
  expect(words).toMatch(
    /ejected since \d+:\d+.*3 waiting.*New files wait here until the disk is back\. Use again/,
  )
  const { ejectedAt: _, ...inUse } = usb
  expect(page(destinationState('nas', inUse))).not.toContain('Use again')
})

test('receiving: each sender is listed with its last status, translated where the message is known', () => {
  const report = { level: 'failing' as const, sentence: 'A disk is full.', statusAt: Date.now() }
  const sender = senderWith('station-3', { ...report, files: 1200, bytes: 2048 })
  const receive = receiveSettingsSchema.parse({ directory: '/srv/in' })
  const settings = { ...emptyState().settings, receive }
  const words = page(destinationState('nas'), { settings, receiving: receivingWith({ senders: [sender] }) })
  expect(words).toContain('receives at port 7766')
  expect(words).toMatch(/station-3 .*never connected.*A disk is full\..*1,200 files · 2 KiB · in station-3/)

  const connected = senderWith('station-1', { seenAt: 0, connected: true, level: 'ok' })
  const failing = { 'sender:silent:station-3': message('transfer.senderSilent', { name: '', since: 0 }) }
  const incidents = [{ ...incident, kind: 'sender-silent' as const, failing }]
  const both = { settings, receiving: receivingWith({ senders: [connected, sender] }), incidents }
  const fleet = page(destinationState('nas'), both)
  const markup = renderMarkup(<DestinationsPage state={emptyState(both)} place={null} />, 'en')
  expect(markup).toMatch(/<p class="health" data-level="failing">((?!<p ).)*1 of 2 computers/s)
  expect(fleet).toMatch(/station-3 .*Station not heard from.*station-1 .*connected/)
  expect(fleet).toMatch(/1 of 2 computers are fine.*1 not connected.*station-3.*station-1/)

  const details = {
    version: '1.2',
    waitingFiles: 12,
    oldestWaitingAt: 0,
    spaceBytes: 2 ** 30,
    label: 'north',
  }
  const labelled = { ...both, receiving: receivingWith({ senders: [{ ...connected, ...details }, sender] }) }
  expect(page(destinationState('nas'), labelled)).toMatch(
    /Without a label 0 of 1 computers.*station-3.*north 1 of 1 computers.*station-1.*1 GiB left.*12 files wait there, the oldest changed .* ago · version 1\.2/,
  )

  const headings = renderMarkup(<DestinationsPage state={emptyState(labelled)} place={null} />).matchAll(
    /<h(\d)/g,
  )
  const ranks = [1, ...[...headings].map(([, rank]) => Number(rank))]
  expect(ranks.length).toBeGreaterThan(2)
  expect(ranks.every((rank, index) => rank <= (ranks[index - 1] ?? 1) + 1)).toBe(true)

  // In the window's language, as far as it has words for what another computer says.
  const inChinese = (said: Message) => {
    const senders = [{ ...sender, words: said }]
    const state = emptyState({ settings, receiving: receivingWith({ senders }) })
    return renderWords(<DestinationsPage state={state} place={null} />, 'zh-TW')
  }
  expect(inChinese(message('status.safe', { count: 3 }))).toMatch(/station-3 .*3 個檔案/)
  expect(inChinese(message('status.safe', { count: 3 }))).not.toContain('A disk is full.')
  const unknown = JSON.parse('{ "key": "status.ofTomorrow", "params": {} }') as Message
  expect(inChinese(unknown)).toContain('A disk is full.')
  const unfit = message('transfer.senderSilent', { name: 'x', since: 'never' })
  expect(inChinese(unfit)).toContain('station-3')
})

describe('connection test result', () => {
  const refused = message('problem.other', { reason: 'It answers as somebody else.' })
  const steps = [{ step: 'connect' as const, done: false, ms: null }]
  const shown = (confirmed: string, works = false) =>
    renderWords(
      <TestResult
        tested={{ works, steps, sentence: refused, found: { hostKey: HOST_KEY, notes: [] } }}
        confirmed={{ hostKey: confirmed, certificate: '' }}
        onConfirm={() => undefined}
      />,
    )

  test('an unconfirmed host key is shown for confirmation', () => {
    expect(shown('')).toContain(`Is this the server’s host key? ${HOST_KEY}`)
    expect(shown('')).not.toContain('another host key')
  })

  test('a changed host key is shown with a warning and the previous key', () => {
    const before = `SHA256:${'b'.repeat(43)}`
    expect(shown(before)).toContain(`The server has another host key than before ${before} ${HOST_KEY}`)
  })

  test('a host key that is already confirmed needs no confirmation', () => {
    expect(shown(HOST_KEY)).toContain('It answers as somebody else.')
    expect(shown(HOST_KEY)).not.toContain('Trust')
  })
})

describe('restore progress', () => {
  const running: NonNullable<AppState['restore']> = {
    ...{ destination: 'nas', to: '/srv/back', phase: 'running', files: 120, bytes: 1024, rate: 2048 },
    ...{ totalFiles: 1200, totalBytes: 4096, left: 90_000, restored: 100, same: 20, kept: 2, failed: 0 },
    ...{
      failures: [],
      keptPaths: [],
      besidePaths: [],
      renamed: 0,
      renames: [],
      sentence: null,
      startedAt: 0,
    },
  }
  const shown = (changes: Partial<typeof running>) =>
    renderWords(
      <RestoreProgress restore={{ ...running, ...changes }} destinations={[destinationState('nas')]} />,
    )

  test('a running restore shows its progress, rate and remaining time', () => {
    const words = shown({})
    expect(words).toContain('120 of 1,200 files · 1 KiB of 4 KiB · 2 KiB/s · about 1 min')
    expect(words).toContain('Stop')
  })

  test('a finished restore counts files by result, and is called incomplete if a file failed', () => {
    expect(shown({ phase: 'done' })).toContain(
      '100 files restored · 20 there already · 2 not replaced · 1 KiB',
    )
    const failures = [message('problem.other', { reason: 'EIO' })]
    const keptPaths = ['/srv/back/one', '/srv/back/two']
    const partly = shown({ phase: 'done', failed: 3, failures, keptPaths })
    expect(partly).toContain('120 of 125 files are there. 5 could not be restored.')
    expect(partly).toContain('3 failed')
    expect(partly).toMatch(/Not restored: .*input\/output error.* … and 2 more/)
    expect(partly).toContain('other content is there: /srv/back/one /srv/back/two')
    const renames = [message('store.restoredAs', { name: '12:30.dat', path: 'C:\\back\\12%3A30.dat' })]
    expect(shown({ phase: 'done', renamed: 3, renames })).toMatch(
      /Restored under another name: 12:30\.dat was restored as C:\\back\\12%3A30\.dat.* … and 2 more/,
    )
    const besides = { phase: 'done' as const, kept: 0, renamed: 2, besidePaths: ['/srv/a (2)', '/srv/b (2)'] }
    expect(shown(besides)).toContain('Restored under another name: /srv/a (2) /srv/b (2)')
    const one = { ...besides, restored: 1, renamed: 1, besidePaths: ['/srv/a (2)'] }
    expect(shown(one)).toContain('as /srv/a (2).')
    expect(shown(one)).not.toContain('under another name')
    const all = shown({ phase: 'done', restored: 5, same: 0, kept: 0 })
    expect(all).toContain('5 files restored · 1 KiB')
    expect(all).not.toContain('not ')
  })
})

test('SFTP form: the secret storage is shown for a password or passphrase, not for a key file or agent alone', () => {
  const fields = (changes: Partial<ReturnType<typeof newDraft>>, stored: string[] = []) => {
    const rest = { problems: {}, isKnown: true, secretStorage: 'file' as const, onChange: () => undefined }
    return renderWords(<SftpFields {...rest} draft={{ ...newDraft(), ...changes }} stored={stored} />)
  }
  const said = 'Secrets are kept in a file'
  expect(fields({ login: 'password' })).toContain(said)
  for (const login of ['file', 'agent'] as const) expect(fields({ login })).not.toContain(said)
  expect(fields({ login: 'file', secrets: { passphrase: 'x' } })).toContain(said)
  expect(fields({ login: 'file' }, ['passphrase'])).toContain(said)
})
