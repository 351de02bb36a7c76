import { generateKeyPairSync } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { until } from '../../support/until.ts'
import type { Running } from '../desktop.ts'

const NAMES = [
  'photos',
  'Measurements of the northern station, second series',
  'documents',
  'spectra',
  'site plans',
  'calibration',
]
/** Of the folder `photos`. */
export const PHOTOS = 60

async function write(directory: string, count: number): Promise<void> {
  await mkdir(directory, { recursive: true })
  for (let index = 0; index < count; index += 1)
    await writeFile(path.join(directory, photo(index)), Buffer.alloc(4_000 + index, index))
}

export const photo = (index: number) => `IMG_${1000 + index}.CR3`

/** A destination that nobody answers at. */
const nas = {
  id: 'nas',
  kind: 'receiver',
  name: 'nas-2',
  host: '127.0.0.1',
  port: 1,
  fingerprint: 'a'.repeat(64),
}

/** A channel that nobody answers at. */
const phone = {
  id: 'phone',
  name: 'Phone',
  type: 'ntfy',
  options: { topic: 'x', server: 'http://127.0.0.1:2' },
}

/** Settings with sources of each kind, paths that are only checked, and a destination that is away. */
export async function watchingWorld(base: string, disk: string) {
  const of = (name: string) => path.join(base, 'data', name)
  for (const name of NAMES) await write(path.join(of(name), '2026/11'), name === 'photos' ? PHOTOS : 3)
  await mkdir(path.join(base, 'shelf'))
  await write(path.join(disk, 'archive'), 4)
  await write(path.join(of('station'), 'DC11'), 3)
  await writeFile(path.join(of('station'), 'DC11/finished.parse'), '')
  await write(path.join(of('station'), 'DC12'), 2)
  return {
    language: 'en',
    theme: 'light',
    check: { intervalSeconds: 1 },
    sources: [
      ...NAMES.map((name, index) => ({ id: `s${index}`, path: of(name), name })),
      { id: 'archive', path: path.join(disk, 'archive'), name: 'Survey archive' },
      { id: 'station', path: of('station'), name: 'Station DC', kind: 'batch' },
    ],
    checkedPaths: [
      { id: 'scratch', path: of('documents/2026') },
      { id: 'plans', path: of('site plans') },
    ],
    destinations: [nas],
    alerts: { channels: [phone] },
  }
}

/** Settings with destinations that cannot be reached, and channels. */
export async function sendingWorld(base: string, silentPort: number) {
  const source = path.join(base, 'photos')
  const documents = path.join(base, 'documents')
  await write(path.join(source, '2026/11'), PHOTOS)
  await write(documents, 3)
  await mkdir(path.join(base, 'shelf'))
  const keyFile = path.join(base, 'office-key')
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  await writeFile(keyFile, privateKey.export({ type: 'pkcs1', format: 'pem' }), { mode: 0o600 })
  const sftp = {
    id: 'office',
    kind: 'sftp',
    name: 'Office',
    host: '127.0.0.1',
    port: silentPort,
    user: 'holdfast',
    login: 'file',
    keyFile,
    path: 'backup',
    folder: 'station-3',
    hostKey: `SHA256:${'A'.repeat(43)}`,
    recipient: 'age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p',
  }
  return {
    language: 'en',
    theme: 'light',
    sources: [
      { id: 'photos', path: source, name: 'photos' },
      { id: 'documents', path: documents, name: 'documents' },
    ],
    destinations: [nas, sftp],
    alerts: {
      channels: [
        phone,
        { ...phone, id: 'duty', name: 'On duty', type: 'mail', options: mail, standby: true },
      ],
      quietHours: { from: '22:00', to: '06:00' },
    },
  }
}

const mail = { host: 'mail.example.org', from: 'holdfast@example.org', to: 'duty@example.org' }

/** To be imported into `sendingWorld`: something is added, changed and removed, and a token is missing. */
export const otherSettings = {
  version: 1,
  theme: 'dark',
  check: { intervalSeconds: 60 },
  sources: [{ id: 'films', path: '/srv/films', name: 'films' }],
  destinations: [nas],
  alerts: { channels: [{ id: 'team', name: 'Team', type: 'telegram', options: { chat: '-100200300' } }] },
}

/** A folder that takes what the sources have; those that are named have nothing to send there. */
export async function addShelf({ page, state }: Running, base: string, except: string[]): Promise<void> {
  await page.evaluate(
    async ([folder = '', ...others]) => {
      const { call } = window.holdfast
      const destination = {
        kind: 'folder' as const,
        name: 'Backup disk',
        path: folder,
        recipient: null,
        hideNames: false,
      }
      await call('addDestination', { destination, secrets: {} })
      const { state: now } = await call('snapshot', {})
      const shelf = now.destinations.filter(({ name }) => name === 'Backup disk').map(({ id }) => id)
      for (const { settings } of now.sources)
        if (!others.includes(settings.id))
          await call('changeSource', { id: settings.id, changes: { destinations: shelf } })
    },
    [path.join(base, 'shelf'), ...except],
  )
  await until('files to be sent', async () => (await state()).totals.sentFiles >= PHOTOS)
}

/** Once everything is sent: on a Saturday night nothing would be. */
export async function addSchedule({ page }: Running): Promise<void> {
  await page.evaluate(async () => {
    const schedule = [
      { days: [1, 2, 3, 4, 5], from: '08:00', to: '18:00', allow: 2 * 1024 * 1024 },
      { days: [6], from: '22:00', to: '06:00', allow: 'pause' as const },
    ]
    await window.holdfast.call('changeSettings', { send: { schedule } })
  })
}
