import { Button, Skeleton } from '@mantine/core'
import { useEffect, useRef, useState } from 'react'
import { Dialog } from '../../ui/dialog.tsx'
import { IconChevronLeft } from '../../ui/icons.ts'
import { useWords } from '../../words/context.tsx'
import { Markdown } from './markdown.tsx'

/** The user's documentation, part of the application, so that it can be read without a network. */
const pages = import.meta.glob<string>(
  '../../../docs/{guide,admin,alerts,commands,destinations,filters,migration,restore,troubleshooting}.md',
  { query: '?raw', import: 'default' },
)
const FIRST = 'guide.md'

const findPage = (name: string) => pages[`../../../docs/${name}`]

/** Shows the guide; its links open the other pages. */
export default function GuideDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const { t } = useWords()
  const [name, setName] = useState(FIRST)
  const text = usePage(name)
  const title = name === FIRST ? undefined : /^# (.*)/.exec(text ?? '')?.[1]
  return (
    <Dialog
      opened={opened}
      onClose={onClose}
      title={title ?? t('window.help.guide')}
      closeButtonProps={{ 'aria-label': t('window.close') }}
    >
      {name !== FIRST && (
        <Button
          variant="subtle"
          size="compact-sm"
          leftSection={<IconChevronLeft size={16} />}
          onClick={() => setName(FIRST)}
        >
          {t('window.help.guideBack')}
        </Button>
      )}
      <GuidePage key={name} name={name} text={text} onOpen={setName} />
    </Dialog>
  )
}

/** Returns the text of a page; null while it is read. */
function usePage(name: string): string | null {
  const [page, setPage] = useState({ name: '', text: '' })
  useEffect(() => {
    let isCurrent = true
    // The page is a file of the application: reading it cannot fail while the window works.
    void findPage(name)?.().then((text) => isCurrent && setPage({ name, text }))
    return () => {
      isCurrent = false
    }
  }, [name])
  return page.name === name ? page.text : null
}

interface GuidePageProps {
  name: string
  text: string | null
  onOpen: (name: string) => void
}

function GuidePage({ name, text, onOpen }: GuidePageProps) {
  const top = useRef<HTMLElement>(null)
  useEffect(() => {
    if (text !== null && name !== FIRST) top.current?.focus()
  }, [text, name])
  if (text === null) return <Skeleton height={160} animate={false} />
  return (
    // The guide is English in every language of the window.
    <article ref={top} lang="en" className="guide selectable" tabIndex={-1}>
      {/* The dialog has the page's title. */}
      <Markdown
        text={text.replace(/^# .*/, '')}
        isPage={(link) => findPage(link) !== undefined}
        onOpen={onOpen}
      />
    </article>
  )
}
