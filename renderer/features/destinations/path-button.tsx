import { Button } from '@mantine/core'
import { useBridge } from '../../state/bridge.tsx'
import { useCommands } from '../../state/commands.tsx'
import { useIsPage } from '../../state/desktop-only.tsx'
import { sentenceOfThrown } from '../../state/thrown.ts'
import { useWords } from '../../words/context.tsx'

interface PathButtonProps {
  what: 'directory' | 'file'
  onChoose: (path: string) => void
}

/** Opens the system's file dialog, or the page's for folders, beside a path field. */
export function PathButton({ what, onChoose }: PathButtonProps) {
  const { t } = useWords()
  const bridge = useBridge()
  const { tell } = useCommands()
  const isPage = useIsPage()
  const choose = () =>
    bridge.call('choosePath', { what }).then(
      ({ path }) => {
        if (path !== null) onChoose(path)
      },
      (error) => tell('refused', sentenceOfThrown(error)),
    )
  // A browser opens files of its own computer only.
  if (isPage && what === 'file') return null
  return (
    <Button variant="default" onClick={choose}>
      {t('window.destinations.choosePath')}
    </Button>
  )
}
