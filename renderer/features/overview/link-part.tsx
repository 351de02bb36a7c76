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
  const { id, path, link } = settings
  if (link === null) return null
  const moved = movedLink(settings, checked)
  if (moved === null) return <p className="dimmed breakable">{t('paths.link', { link, path })}</p>
  const now = checked?.leadsTo ?? null
  return (
    <>
      <p className="card-problem warn breakable selectable">{say(moved)}</p>
      <LinkChoice id={id} path={path} now={now} />
    </>
  )
}

interface LinkChoiceProps {
  /** The source's id. */
  id: string
  path: string
  /** Where the link leads now; null: nowhere. */
  now: string | null
}

/** Asks whether to follow a link to its new target or to stay with the recorded path. */
export function LinkChoice({ id, path, now }: LinkChoiceProps) {
  const { t } = useWords()
  const { run } = useCommands()
  const choose = (stay: boolean) => run('followLink', { id, stay }, 'window.link.followed')
  return (
    <Group gap={6} mt={3}>
      {now !== null && (
        <Button size="compact-xs" variant="default" onClick={() => choose(false)}>
          {t('window.link.follow', { now })}
        </Button>
      )}
      <Button size="compact-xs" variant="default" onClick={() => choose(true)}>
        {t('window.link.stay', { path })}
      </Button>
    </Group>
  )
}
