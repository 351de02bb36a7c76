import { ActionIcon } from '@mantine/core'
import type { ReactNode, Ref } from 'react'
import { useWords } from '../words/context.tsx'
import { IconChevronLeft } from './icons.ts'
import { useEscape } from './use-escape.ts'

interface DetailsTitleProps {
  /** The heading, which takes the focus when the page is opened. */
  ref: Ref<HTMLHeadingElement>
  title: string
  onBack: () => void
  children?: ReactNode
}

/** The title of a page that replaces another; its button and Escape lead back. */
export function DetailsTitle({ ref, title, onBack, children }: DetailsTitleProps) {
  const { t } = useWords()
  useEscape()
  return (
    <div className="details-title">
      <ActionIcon variant="subtle" color="gray" size="lg" aria-label={t('window.back')} onClick={onBack}>
        <IconChevronLeft size={20} />
      </ActionIcon>
      <h2 ref={ref} tabIndex={-1}>
        {title}
      </h2>
      {children}
    </div>
  )
}
