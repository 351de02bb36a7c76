import { linkSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { sendCommand } from '../../../core/agent/control-socket.ts'
import { startReceiver, untilState } from '../../support/agent/two-receivers.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

/** Returns the paths of all files below a directory, without Holdfast's own at the destination. */
const filesBelow = (directory: string): string[] =>
  readdirSync(directory, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => path.relative(directory, path.join(parentPath, name)))
    .filter((one) => !one.startsWith('.holdfast/'))

test('own places: a source never contains a store, its keys or the secrets, below it or behind a link', async () => {
  // A receiver that the agent's settings do not name.
  const { store } = await startReceiver('own-places')
  const root = path.dirname(store)
  writeFileSync(path.join(store, 'received.dat'), 'received')
  mkdirSync(path.join(root, 'deep/usb/.holdfast'), { recursive: true })
  // The settings name this destination by a link, so their paths do not show that it is inside the source.
  const link = path.join(temporaryDirectory('own-places-link'), 'usb')
  symlinkSync(path.join(root, 'deep/usb'), link)
  writeFileSync(path.join(root, 'deep/a.dat'), 'sent')
  // A copy of a store, which no settings name. A directory that only has this name belongs to a person.
  mkdirSync(path.join(root, 'copy/.holdfast/identity'), { recursive: true })
  writeFileSync(path.join(root, 'copy/.holdfast/identity/identity.pem'), 'PRIVATE KEY')
  writeFileSync(path.join(root, 'copy/.holdfast/receiver.json'), '{}')

  const data = temporaryDirectory('own-places-data')
  const secrets = path.join(data, 'secrets.json')
  writeFileSync(secrets, '{"version":2,"owners":{"x":{"token":{"plain":"very-secret"}}}}', { mode: 0o600 })
  linkSync(secrets, path.join(root, 'linked.json'))
  const destinations = [{ id: 'usb', name: 'usb', kind: 'folder', path: link }]
  const sources = [{ id: 's', name: 'parent', path: root }]
  writeFileSync(path.join(data, 'settings.json'), JSON.stringify({ version: 1, sources, destinations }))
  startHoldfast(['agent', '--data', data])
  const compared = await untilState(
    data,
    'the file that is sent, and a whole comparison',
    ({ sources: [source], totals }) =>
      totals.sentFiles > 0 && totals.waitingFiles === 0 && source?.scanned?.compared === true,
  )
  const names = compared.sources[0]?.scanned?.problems.map(({ params }) => params.path).sort()
  expect(names).toEqual(
    ['copy', 'deep/usb', 'linked.json', 'store'].map((one) => path.join(root, one)).sort(),
  )

  // Changes inside them are not sent either, and a later comparison finds none.
  writeFileSync(path.join(store, 'received-later.dat'), 'received')
  writeFileSync(path.join(root, 'deep/b.dat'), 'sent')
  await untilState(data, 'the second file', ({ totals }) => totals.sentFiles === 2)
  await sendCommand(data, 'checkNow', {})
  const sent = filesBelow(path.join(root, 'deep/usb'))
  expect(sent.map((one) => path.basename(one)).sort()).toEqual(['a.dat', 'b.dat'])
  for (const one of sent) expect(readFileSync(path.join(root, 'deep/usb', one), 'utf8')).toBe('sent')
})
