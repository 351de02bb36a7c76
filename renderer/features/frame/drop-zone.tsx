import { useEffect, useState } from 'react'
import { message } from '../../../core/lib/i18n/message.ts'
import { useBridge } from '../../state/bridge.tsx'
import { useCommands } from '../../state/commands.tsx'
import { IconFolderPlus } from '../../ui/icons.ts'
import { useWords } from '../../words/context.tsx'

/** Dropping more folders than this at once is assumed to be a mistake. */
const mostAtOnce = 20

/** Accepts folders dropped on the window: each becomes a source, or an error is shown. */
export function DropZone() {
  const { t } = useWords()
  const bridge = useBridge()
  const { ask, tell } = useCommands()
  const [over, setOver] = useState(false)

  useEffect(() => {
    const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') === true

    const enter = (event: DragEvent) => {
      // Without this, a dropped file would replace the window's page.
      event.preventDefault()
      // 'link' would describe it best, but some file managers only offer copying and would not drop at all.
      if (event.dataTransfer !== null) event.dataTransfer.dropEffect = hasFiles(event) ? 'copy' : 'none'
      setOver(hasFiles(event))
    }
    const leave = (event: DragEvent) => {
      if (event.relatedTarget === null) setOver(false)
    }
    const protect = async (paths: readonly string[]) => {
      const outcomes = await Promise.all(paths.map((path) => ask('addSource', { path })))
      const refused = outcomes.find((outcome) => !outcome.done)
      if (refused?.done === false) tell('refused', refused.sentence)
      else tell('done', message('window.drop.done', { count: paths.length }))
    }
    let before = Promise.resolve()
    const drop = (event: DragEvent) => {
      event.preventDefault()
      setOver(false)
      const dropped = [...(event.dataTransfer?.files ?? [])]
      const paths = dropped.map((file) => bridge.pathOfDropped(file)).filter((path) => path !== '')
      if (dropped.length > mostAtOnce) tell('refused', message('window.drop.tooMany', { most: mostAtOnce }))
      // Drops are processed one after the other, so that the message of the last one remains.
      else if (paths.length > 0) before = before.then(() => protect(paths))
      else if (dropped.length > 0) tell('refused', message('window.drop.noPath'))
    }

    window.addEventListener('dragenter', enter)
    window.addEventListener('dragover', enter)
    window.addEventListener('dragleave', leave)
    window.addEventListener('drop', drop)
    return () => {
      window.removeEventListener('dragenter', enter)
      window.removeEventListener('dragover', enter)
      window.removeEventListener('dragleave', leave)
      window.removeEventListener('drop', drop)
    }
  }, [bridge, ask, tell])

  if (!over) return null
  return (
    <div className="drop-zone" role="status">
      <div>
        <IconFolderPlus size={40} stroke={1.5} aria-hidden="true" />
        <p>{t('window.drop.here')}</p>
      </div>
    </div>
  )
}
