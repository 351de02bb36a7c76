import { Button, Group } from '@mantine/core'
import { useState } from 'react'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { message } from '../../../core/lib/i18n/message.ts'
import { useBridge } from '../../state/bridge.tsx'
import { useCommands } from '../../state/commands.tsx'
import { sentenceOfThrown } from '../../state/thrown.ts'
import { IconDownload, IconUpload } from '../../ui/icons.ts'
import { useWords } from '../../words/context.tsx'
import { Setting, SettingsPart } from './found.tsx'
import { ImportDialog, type Read } from './import-dialog.tsx'

/** Exports all settings to a file, and imports them. */
export function ExchangePart({ settings }: { settings: AppState['settings'] }) {
  const { t } = useWords()
  const bridge = useBridge()
  const { tell } = useCommands()
  const [read, setRead] = useState<Read | null>(null)
  const [opened, setOpened] = useState(false)

  const exportThem = async () => {
    try {
      const { path } = await bridge.call('exportSettings', {})
      if (path !== null) tell('done', message('settings.exported', { file: path }))
    } catch (error) {
      tell('refused', sentenceOfThrown(error))
    }
  }
  const importThem = async () => {
    try {
      const answer = await bridge.call('readSettings', {})
      if (answer === null) return
      setRead(answer)
      setOpened(true)
    } catch (error) {
      tell('refused', sentenceOfThrown(error))
    }
  }

  return (
    <SettingsPart title="settings.exchange.title">
      <Setting id="exchange">
        <p className="dimmed">{t('settings.exchange.explain')}</p>
        <Group gap="xs">
          <Button size="xs" variant="default" leftSection={<IconUpload size={15} />} onClick={exportThem}>
            {t('settings.exchange.export')}
          </Button>
          <Button size="xs" variant="default" leftSection={<IconDownload size={15} />} onClick={importThem}>
            {t('settings.exchange.import')}
          </Button>
        </Group>
      </Setting>
      {read !== null && (
        <ImportDialog read={read} now={settings} opened={opened} onClose={() => setOpened(false)} />
      )}
    </SettingsPart>
  )
}
