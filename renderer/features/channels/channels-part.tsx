import { useState } from 'react'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { NATIVE } from '../../../core/alerts/channels/catalog.ts'
import { useIsPage } from '../../state/desktop-only.tsx'
import { AddButton } from '../../ui/add-button.tsx'
import { useWords } from '../../words/context.tsx'
import { BrowserRow } from './browser-row.tsx'
import { ChannelDialog } from './channel-dialog.tsx'
import { ChannelRow, NativeRow } from './channel-row.tsx'
import { StorageNote } from './storage-note.tsx'

/** Lists the channels, in the order in which they are used. */
export function ChannelsPart({ state }: { state: AppState }) {
  const { t } = useWords()
  const isPage = useIsPage()
  const [adding, setAdding] = useState(false)
  const { settings, channels: states } = state
  const { channels } = settings.alerts
  const findState = (id: string) => states.find((one) => one.id === id)
  const hasSecrets = states.some(({ secrets }) => secrets.length > 0)
  return (
    <section className="card rows" aria-label={t('window.channel.title')}>
      <h2>{t('window.channel.title')}</h2>
      <p className="dimmed">{t('window.channel.explain')}</p>
      {state.host === 'desktop' && (
        <NativeRow id={NATIVE} on={settings.notifications} now={findState(NATIVE)} />
      )}
      {isPage && <BrowserRow />}
      {channels.map((channel) => (
        <ChannelRow key={channel.id} channel={channel} now={findState(channel.id)} state={state} />
      ))}
      {hasSecrets && <StorageNote storage={state.secretStorage} />}
      <div>
        <AddButton label="window.channel.add" onClick={() => setAdding(true)} />
      </div>
      <ChannelDialog
        opened={adding}
        channel={null}
        stored={[]}
        state={state}
        onClose={() => setAdding(false)}
      />
    </section>
  )
}
