import { Button } from '@mantine/core'
import { useState } from 'react'
import { useCommands } from '../../state/commands.tsx'
import { Confirm } from '../../ui/confirm.tsx'
import { IconDeviceDesktop } from '../../ui/icons.ts'
import { PathText } from '../../ui/path-text.tsx'
import { useWords } from '../../words/context.tsx'

/** Shows copies made before there was a destination, with the action that deletes them. */
export function LocalCopiesCard({ path }: { path: string }) {
  const { t } = useWords()
  const { run } = useCommands()
  const [asking, setAsking] = useState(false)
  return (
    <section className="card" aria-label={t('window.localCopies.title')}>
      <span className="kind-name">
        <IconDeviceDesktop size={18} stroke={1.7} aria-hidden="true" />
        <span className="card-name">{t('window.localCopies.title')}</span>
      </span>
      <p className="dimmed">{t('window.localCopies.explain')}</p>
      <PathText path={path} />
      <div>
        <Button size="xs" variant="default" mt={6} onClick={() => setAsking(true)}>
          {t('window.localCopies.delete')}
        </Button>
      </div>
      <Confirm
        opened={asking}
        title={t('window.localCopies.confirmTitle')}
        consequences={[t('window.localCopies.stays'), t('window.localCopies.goes')]}
        action={t('window.localCopies.delete')}
        dangerous
        onClose={() => setAsking(false)}
        onConfirm={() => run('deleteLocalCopies', {}, 'localCopies.deleted')}
      />
    </section>
  )
}
