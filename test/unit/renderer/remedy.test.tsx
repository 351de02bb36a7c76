import { expect, test } from 'vitest'
import { listRemedyCommands } from '../../../core/agent/state/remedy.ts'
import { type Message, message } from '../../../core/lib/i18n/message.ts'
import AlertsPage from '../../../renderer/features/alerts/alerts-page.tsx'
import { emptyState, incident } from './fake-state.ts'
import { renderMarkup, renderWords } from './rendered.tsx'

const disk = { source: '/dev/sdb1', point: '/mnt/my disk', type: 'ext4', device: '8:17' }
const failed = (key: Message['key'], more: Message['params'] = {}) =>
  message(key, { path: '/mnt/my disk/photos', step: 'create', code: 'EROFS', ...more })

test('remedy: a read-only disk is unmounted, checked and mounted by its device, with quoted paths', () => {
  expect(listRemedyCommands(failed('check.readOnly'), disk)).toEqual([
    'sudo dmesg | tail -n 50',
    "sudo umount '/mnt/my disk'\nsudo fsck /dev/sdb1\nsudo mount '/mnt/my disk' || sudo mount /dev/sdb1 '/mnt/my disk'",
  ])
})

test('remedy: neither the root of the system nor a network share is unmounted for a repair', () => {
  const log = ['sudo dmesg | tail -n 50']
  expect(listRemedyCommands(failed('check.ioError'), { ...disk, point: '/' })).toEqual(log)
  expect(listRemedyCommands(failed('check.ioError'), { ...disk, source: 'nas:/data' })).toEqual(log)
  expect(listRemedyCommands(failed('check.ioError'), null)).toEqual(log)
})

test('remedy: a disk that is not mounted is mounted where it was', () => {
  expect(listRemedyCommands(failed('check.unmounted', { point: '/mnt/usb' }), null)).toEqual([
    'sudo mount /mnt/usb',
  ])
})

test('remedy: a failure without a command has none', () => {
  expect(listRemedyCommands(failed('check.missing'), disk)).toEqual([])
})

test('alerts page: an ongoing failure shows its sentence at once, without step and code', () => {
  const state = emptyState({ incidents: [incident('i1', { sentence: failed('check.readOnly') })] })
  expect(renderMarkup(<AlertsPage state={state} place={null} />)).not.toContain('<details')
  const words = renderWords(<AlertsPage state={state} place={null} />)
  expect(words).toContain('its disk has become read-only')
  expect(words).not.toMatch(/create|EROFS|fsck/)
})
