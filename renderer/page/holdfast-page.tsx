import { lazy, Suspense, useEffect, useMemo, useState } from 'react'
import { ignoreError } from '../../core/dropped-errors.ts'
import type { Message, WordKey } from '../../core/lib/i18n/message.ts'
import { LINK_PREFIX } from '../../core/settings/bounds.ts'
import { HoldfastWindow } from '../features/frame/window.tsx'
import { askAgain, retryMs } from '../state/ask-again.ts'
import { BridgeProvider } from '../state/bridge.tsx'
import { sentenceOfThrown } from '../state/thrown.ts'
import { useWords, WordsProvider } from '../words/context.tsx'
import { nearestLanguage } from '../words/dictionaries.ts'
import { IncidentNotifications } from './incident-notifications.tsx'
import { createPageBridge } from './page-bridge.ts'
import { chooseFile, createPageHandlers, download } from './page-commands.ts'
import { createPageServer } from './page-server.ts'
import { type PageSession, SignOutContext } from './page-session.ts'
import { SignIn } from './sign-in.tsx'

/** Loaded on demand: the desktop's window never needs it, and a page only when a folder is chosen. */
const FolderDialog = lazy(() => import('./folder-dialog.tsx'))

interface FolderQuestion {
  id: number
  title: WordKey
  opened: boolean
  resolve: (path: string | null) => void
}

/** Returns the secret of the link that was opened, once, and removes it from the address. */
function takeSecret(): string | null {
  const secret = location.hash.slice(1)
  if (!secret.startsWith(LINK_PREFIX)) return null
  history.replaceState(null, '', location.pathname)
  return secret
}

/**
 * The window in a browser: signs in by the link that was opened, if any. It asks for a token until there is a session,
 * and for folders in its own dialog.
 */
export function HoldfastPage() {
  /** undefined: not known yet; null: signed out. */
  const [session, setSession] = useState<PageSession | null | undefined>()
  const [ended, setEnded] = useState<Message | null>(null)
  const [computer, setComputer] = useState(location.hostname)
  const [question, setQuestion] = useState<FolderQuestion | null>(null)
  const { server, bridge } = useMemo(() => {
    const pageServer = createPageServer(document.baseURI, (sentence) => {
      setEnded(sentence)
      setSession(null)
    })
    const chooseFolder = (title: WordKey) =>
      new Promise<string | null>((resolve) =>
        setQuestion((last) => ({ id: (last?.id ?? 0) + 1, title, opened: true, resolve })),
      )
    const handlers = createPageHandlers(pageServer, { chooseFolder, chooseFile, download })
    return { server: pageServer, bridge: createPageBridge(pageServer, handlers) }
  }, [])
  useEffect(() => {
    // A link that is opened in the tab of the page changes nothing but the fragment.
    const reload = () => location.hash.startsWith(`#${LINK_PREFIX}`) && location.reload()
    addEventListener('hashchange', reload)
    return () => removeEventListener('hashchange', reload)
  }, [])
  useEffect(
    () =>
      askAgain(async () => {
        const secret = takeSecret()
        if (secret !== null)
          await server.signIn(secret).catch((thrown: unknown) => setEnded(sentenceOfThrown(thrown)))
        const failed = ignoreError('the session is requested again', undefined)
        const found = await server.getSession().catch(failed)
        setSession(found)
        return found === undefined ? retryMs : null
      }, 0),
    [server],
  )
  useEffect(() => {
    if (session == null) return
    setComputer(session.computer)
    document.title = `${session.computer} – Holdfast`
  }, [session])

  if (session === undefined) return null
  if (session === null) {
    const signIn = async (token: string) => setSession(await server.signIn(token))
    return (
      <WordsProvider language={nearestLanguage(navigator.language)}>
        <SignIn computer={computer} ended={ended} signIn={signIn} />
      </WordsProvider>
    )
  }
  const signOut = async () => {
    await server.signOut().catch(ignoreError('the session has ended, or the next request shows it'))
    setEnded(null)
    setSession(null)
  }
  const choose = (path: string | null) => {
    question?.resolve(path)
    setQuestion(question && { ...question, opened: false })
  }
  return (
    <BridgeProvider bridge={bridge}>
      <SignOutContext value={session.by === 'token' ? signOut : null}>
        <HoldfastWindow>
          {session.role === 'viewer' && <ViewerNote session={session} />}
          <IncidentNotifications computer={session.computer} onOpen={bridge.showIncident} />
          {question !== null && (
            // A new dialog for each question: it has to be the foremost one.
            <Suspense key={question.id} fallback={null}>
              <FolderDialog opened={question.opened} title={question.title} onChoose={choose} />
            </Suspense>
          )}
        </HoldfastWindow>
      </SignOutContext>
    </BridgeProvider>
  )
}

function ViewerNote({ session: { name, by } }: { session: PageSession }) {
  const { t } = useWords()
  const key = by === 'proxy' ? 'page.viewer.proxy' : 'page.viewer'
  return <footer className="viewer-note dimmed breakable">{t(key, { name })}</footer>
}
