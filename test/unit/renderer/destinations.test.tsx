import { describe, expect, test } from 'vitest'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { noTotals } from '../../../core/ledger/ledger-messages.ts'
import { type Message, message } from '../../../core/lib/i18n/message.ts'
import { destinationSchemas } from '../../../core/settings/destination-schema.ts'
import { receiveSettingsSchema } from '../../../core/settings/schema.ts'
import { DestinationDetails } from '../../../renderer/features/destinations/destination-row.tsx'
import DestinationsPage from '../../../renderer/features/destinations/destinations-page.tsx'
import { newDraft } from '../../../renderer/features/destinations/draft.ts'
import { SftpFields } from '../../../renderer/features/destinations/sftp-fields.tsx'
import { TestResult } from '../../../renderer/features/destinations/test-result.tsx'
import { OverviewPage } from '../../../renderer/features/overview/overview-page.tsx'
import { SenderDetails } from '../../../renderer/features/receiving/sender-row.tsx'
import { RestoreProgress } from '../../../renderer/features/restore/restore-progress.tsx'
import { receivingWith, senderWith } from '../../support/agent/status.ts'
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

describe('destination row', () => {
  test('an SFTP destination shows its rate and its files in its line, kind and address in its details', () => {
    const changes = { kind: 'sftp' as const, address: 'sftp://ada@nas.lan:22/', rate: 2048 }
    const sftp = destinationState('nas', { ...changes, totals })
    expect(page(sftp)).toMatch(/ nas connected · \d sec · 2 KiB\/s 1 parked \[/)
    const { parkedFiles: _, ...waiting } = totals
    expect(page({ ...sftp, totals: { ...waiting, parkedFiles: 0 } })).toContain('2 KiB/s 3 waiting [')
    const state = emptyState({ settings: { ...emptyState().settings, destinations: [nas] } })
    const details = renderWords(<DestinationDetails destination={sftp} state={state} />)
    expect(details).toMatch(/SFTP · encrypted · sftp:\/ *\/ *ada@nas\.lan:22\//)
    expect(details).toContain('1 parked · 3 waiting · 3 KiB · 12 safe · 1 KiB')
  })

  test('a folder on this computer is not called safe, and adding a destination elsewhere is suggested', () => {
    const words = page(destinationState('nas', { kind: 'folder', elsewhere: false, totals }))
    expect(words).not.toContain('12 safe')
    expect(words.match(/Add a destination elsewhere/g)).toHaveLength(1)
  })

  describe('a receiver on this computer beside nas-2', () => {
    const here = destinationState('attic', { kind: 'receiver', elsewhere: false, totals, name: 'attic' })
    const detailsWith = (to: string[], waitingFiles: number) => {
      const others = [...to, 'attic'].map((id) => ({
        id,
        totals: { ...totals, parkedFiles: 0, waitingFiles },
        rate: 0,
        left: null,
      }))
      const sources = [sourceState('photos', '/photos', { destinations: others })]
      const destinations = [here, destinationState('nas-2', { name: 'nas-2' })]
      const state = emptyState({ destinations, sources })
      return renderWords(<DestinationDetails destination={here} state={state} />)
    }

    test('it is called a receiver on this computer, and the destination that has the same files is named', () => {
      const words = detailsWith(['nas-2'], 0)
      expect(words).toContain('Receiver on this computer')
      expect(words).toContain('12 copied here')
      expect(words).toContain('The same files are at nas-2.')
      expect(words).not.toContain('Add a destination elsewhere')
    })

    test('files that still wait for the other destination are not said to be there', () => {
      expect(detailsWith(['nas-2'], 3)).toContain('The same files go to nas-2.')
    })

    test('sources that go nowhere else are named', () => {
      expect(detailsWith([], 0)).toContain('no destination elsewhere gets: photos.')
    })
  })
})

test('destination row: an ejected folder shows since when, its waiting files and how it is used again', () => {
  const usb = { kind: 'folder' as const, ejectedAt: Date.now(), totals }
  const words = page(destinationState('nas', usb))
  expect(words).toMatch(
    /ejected · since \d+:\d+.*3 waiting.*New files wait here until the disk is back\. Use again/,
  )
  const { ejectedAt: _, ...inUse } = usb
  expect(page(destinationState('nas', inUse))).not.toContain('Use again')
})

describe('receiving', () => {
  const receive = receiveSettingsSchema.parse({ directory: '/srv/in' })
  const settings = { ...emptyState().settings, receive }
  const report = { level: 'failing' as const, sentence: 'A disk is full.', statusAt: Date.now() }
  const failing = senderWith('station-3', { ...report, files: 1200, bytes: 2048, seenAt: Date.now() })
  const connected = senderWith('station-1', { seenAt: 0, connected: true, level: 'ok', label: 'north' })
  const receivingFrom = (...senders: (typeof failing)[]) =>
    emptyState({ settings, receiving: receivingWith({ senders }) })
  const both = receivingFrom(connected, failing)

  test('the stations are on the overview alone, the destinations lead there', () => {
    const shown = page(destinationState('nas'), both)
    expect(shown).toContain('receives at port 7766')
    expect(shown).toContain('2 stations · 1 fails')
    expect(shown).not.toContain('station-3')
    const overview = renderWords(<OverviewPage state={both} />)
    expect(overview.match(/\[station-3\]/g)).toHaveLength(1)
    expect(overview).not.toContain('receives at port')
  })

  test('the stations of each group have their count, the gravest group comes first', () => {
    expect(renderWords(<OverviewPage state={both} />)).toMatch(
      /2 stations · 1 fails Without a label 1 station · 1 fails.*station-3 A disk is full\. 2 KiB.*north 1 station .*station-1 connected 0 B/,
    )
    const headings = renderMarkup(<OverviewPage state={both} />).matchAll(/<h(\d)/g)
    expect([...headings].map(([, rank]) => rank)).toEqual(['2', '3', '3'])
  })

  test('a folder that fails comes before stations that fail, and these before a folder that is well', () => {
    const isAfter = (failures: AppState['failures']) => {
      const words = renderWords(
        <OverviewPage state={{ ...both, sources: [sourceState('photos', '/photos')], failures }} />,
      )
      return words.indexOf('station-3') > words.indexOf('Open photos')
    }
    const fails = {
      ...{ level: 'failing' as const, kind: 'full' as const, detail: null },
      sentence: message('status.notReceiving'),
    }
    expect(isAfter({})).toBe(true)
    expect(isAfter({ 'station:station-3': fails })).toBe(false)
    expect(isAfter({ 'station:station-3': fails, 'source-photos': fails })).toBe(true)
  })

  test('the details show the report, the files here and the files that wait at the station', () => {
    const waiting = { version: '1.2', waitingFiles: 12, oldestWaitingAt: 0, spaceBytes: 2 ** 30 }
    expect(renderWords(<SenderDetails sender={{ ...failing, ...waiting }} />)).toMatch(
      /A disk is full\. .*1,200 files · 2 KiB · in station-3 · 1 GiB left.*12 files wait there, the oldest changed .* ago · version 1\.2/,
    )
  })

  test('a report is in the language of the window, as far as it has words for it', () => {
    const inChinese = (words: Message) =>
      renderWords(<OverviewPage state={receivingFrom({ ...failing, words })} />, 'zh-TW')
    expect(inChinese(message('status.safe', { count: 3 }))).toMatch(/station-3 .*3 個檔案/)
    expect(inChinese(message('status.safe', { count: 3 }))).not.toContain('A disk is full.')
    const unknown = JSON.parse('{ "key": "status.ofTomorrow", "params": {} }') as Message
    expect(inChinese(unknown)).toContain('A disk is full.')
    const unfit = message('transfer.senderSilent', { name: 'x', since: 'never' })
    expect(inChinese(unfit)).toContain('station-3')
  })
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
