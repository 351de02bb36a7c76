import { Button, Group } from '@mantine/core'
import { movedLink } from '../../../core/agent/state/derived.ts'
import type { SourceState } from '../../../core/agent/state/schema.ts'
import { useCommands } from '../../state/commands.tsx'
import { useWords } from '../../words/context.tsx'

interface LinkPartProps {
  settings: Pick<SourceState['settings'], 'id' | 'path' | 'link'>
  checked: SourceState['checked']
}

/** Shows the target of a link, and asks which directory to use if the link's target has changed. */
export function LinkPart({ settings, checked }: LinkPartProps) {
  const { t, say } = useWords()
  const { run } = useCommands()
  const { id, path, link } = settings
  if (link === null) return null
  const moved = movedLink(settings, checked)
  if (moved === null) return <p className="dimmed breakable">{t('paths.link', { link, path })}</p>
  const now = checked?.leadsTo ?? null
  const choose = (stay: boolean) => run('followLink', { id, stay }, 'window.link.followed')
  return (
    <>
      <p className="card-problem warn breakable selectable">{say(moved)}</p>
      <Group gap="xs">
        {now !== null && (
          <Button size="compact-xs" variant="default" onClick={() => choose(false)}>
            {t('window.link.follow', { now })}
          </Button>
        )}
        <Button size="compact-xs" variant="default" onClick={() => choose(true)}>
          {t('window.link.stay', { path })}
        </Button>
      </Group>
    </>
  )
}
