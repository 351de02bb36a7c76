import { Button, Group } from '@mantine/core'
import { lazy, Suspense, useState } from 'react'
import { IconHistory } from '../../ui/icons.ts'
import { useWords } from '../../words/context.tsx'
import { Setting, SettingsPart } from './found.tsx'

const ChangesDialog = lazy(() => import('./changes-dialog.tsx'))

/** Opens the list of who changed what. */
export function ChangesPart() {
  const { t } = useWords()
  const [opened, setOpened] = useState(false)
  const [isMade, setMade] = useState(false)
  if (opened && !isMade) setMade(true)
  return (
    <SettingsPart title="change.title">
      <Setting id="changes">
        <p className="dimmed">{t('change.explain')}</p>
        <Group>
          <Button
            size="xs"
            variant="default"
            leftSection={<IconHistory size={15} />}
            onClick={() => setOpened(true)}
          >
            {t('change.show')}
          </Button>
        </Group>
      </Setting>
      <Suspense fallback={null}>
        {isMade && <ChangesDialog opened={opened} onClose={() => setOpened(false)} />}
      </Suspense>
    </SettingsPart>
  )
}
