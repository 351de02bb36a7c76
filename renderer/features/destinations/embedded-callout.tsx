import { Button, Group } from '@mantine/core'
import { useState } from 'react'
import type { AppState, DestinationState } from '../../../core/agent/state/schema.ts'
import { useCommands } from '../../state/commands.tsx'
import { DesktopOnly } from '../../state/desktop-only.tsx'
import { IconDeviceDesktop } from '../../ui/icons.ts'
import { PathText } from '../../ui/path-text.tsx'
import { useWords } from '../../words/context.tsx'
import { AddDialog } from './add-dialog.tsx'

/** Warns that copies on this computer are not safe yet, shows where they are, and offers to add a destination. */
export function EmbeddedCallout({ destination, state }: { destination: DestinationState; state: AppState }) {
  const { t } = useWords()
  const { run } = useCommands()
  const [adding, setAdding] = useState(false)
  const { kind, address, ejectedAt } = destination
  const hasPath = (kind === 'embedded' || kind === 'folder') && address !== '' && ejectedAt === undefined
  return (
    <section className="callout" aria-label={t('window.embedded.title')}>
      <IconDeviceDesktop size={20} stroke={1.7} aria-hidden="true" />
      <div className="row-words">
        <h2>{t('window.embedded.title')}</h2>
        <p>{t('window.embedded.explain')}</p>
        {hasPath && (
          <>
            <p>{t('window.embedded.where')}</p>
            <PathText path={destination.address} />
          </>
        )}
        <Group gap="xs" mt={6}>
          <Button size="xs" onClick={() => setAdding(true)}>
            {t('window.destinations.addTitle')}
          </Button>
          {destination.kind === 'embedded' && (
            <DesktopOnly>
              <Button size="xs" variant="default" onClick={() => run('showDirectory', { source: null })}>
                {t('window.showDirectory')}
              </Button>
            </DesktopOnly>
          )}
        </Group>
      </div>
      <AddDialog opened={adding} state={state} onClose={() => setAdding(false)} />
    </section>
  )
}
