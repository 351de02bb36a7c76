import { expect, test } from 'vitest'
import { notifierConfig } from '../../support/alerts/notifier-config.ts'
import { startNotifier } from '../../support/alerts/notifier-world.ts'

test('channel test: notifications of this computer are tried without being a channel, an unknown channel is refused', async () => {
  const { notifier, shown } = startNotifier(notifierConfig('http://127.0.0.1:1', {}))
  expect(await notifier.test('native')).toMatchObject({ delivered: true })
  expect(shown).toHaveLength(1)
  expect(await notifier.test('removed')).toMatchObject({
    delivered: false,
    sentence: { key: 'alert.noChannel', params: { id: 'removed' } },
  })
})
