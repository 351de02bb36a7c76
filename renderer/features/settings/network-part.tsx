import { Button, SegmentedControl } from '@mantine/core'
import { useState } from 'react'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { proxyUses } from '../../../core/lib/network/proxy.ts'
import { useCommands } from '../../state/commands.tsx'
import { FormDialog } from '../../ui/form-dialog.tsx'
import { useWords } from '../../words/context.tsx'
import { Setting, SettingsPart } from './found.tsx'
import { NetworkForm } from './network-form.tsx'

/** Chooses the proxy towards other networks, and shows the one in force and why it fails. */
export function NetworkPart({ state }: { state: AppState }) {
  const { settings, proxy: inForce, destinations, computers } = state
  const { t, say } = useWords()
  const { run } = useCommands()
  const [isChanging, setChanging] = useState(false)
  const { proxy } = settings
  const { use, address } = proxy
  const failure = [...destinations, ...computers]
    .map(({ connection }) => connection.problem)
    .find((one) => one?.key.startsWith('proxy.'))
  const choose = (next: typeof use) => {
    if (next === 'address' && address === '') setChanging(true)
    else void run('setProxy', { proxy: { ...proxy, use: next }, secrets: {} }, 'settings.network.saved')
  }
  return (
    <SettingsPart title="settings.network.use">
      <Setting id="proxy">
        <p className="dimmed">{t('settings.network.explain')}</p>
        <SegmentedControl
          fullWidth
          aria-label={t('settings.network.use')}
          value={use}
          onChange={choose}
          data={proxyUses.map((value) => ({ value, label: t(`settings.network.${value}`) }))}
        />
        {use === 'environment' && <p className="dimmed">{t('settings.network.environmentHint')}</p>}
        {use !== 'none' && (
          <p className={inForce.address === null ? 'card-problem warn breakable' : 'breakable selectable'}>
            {inForce.address === null
              ? t('settings.network.environmentNone')
              : t('settings.network.through', { address: inForce.address })}
          </p>
        )}
        {failure != null && <p className="card-problem warn breakable">{say(failure)}</p>}
        {use === 'address' && (
          <div>
            <Button size="compact-sm" variant="default" onClick={() => setChanging(true)}>
              {t('settings.network.change')}
            </Button>
          </div>
        )}
      </Setting>
      <FormDialog
        opened={isChanging}
        title={t('settings.network.formTitle')}
        onClose={() => setChanging(false)}
      >
        <NetworkForm proxy={proxy} hasPassword={inForce.hasPassword} onDone={() => setChanging(false)} />
      </FormDialog>
    </SettingsPart>
  )
}
