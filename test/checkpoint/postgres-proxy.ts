import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** What becomes of a request: it is the first one that a client sends with this text in it. */
export interface Fault {
  readonly text: string;
  /** How many of its bytes reach the server before both sides are cut off. Default: all. */
  readonly requestBytes?: number;
  /** How many bytes of the answer reach the client before both sides are cut off. Default: 0. */
  readonly answerBytes?: number;
  /** Neither side is cut off, and nothing comes back. */
  readonly hangs?: boolean;
  /** Called at the cut, before anybody can notice it. */
  readonly onCut?: () => void;
}

/** Stands between clients and a server, and does to their connections what a network does. */
export class Proxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #target: { readonly host: string; readonly port: number };
  readonly #sockets = new Set<Socket>();
  readonly #faults: Fault[] = [];
  #refusals = 0;
  #port = 0;
  /** How many faults there were. */
  count = 0;

  private constructor(target: URL) {
    this.#target = { host: target.hostname, port: Number(target.port) || 5432 };
    this.#server = createServer((socket) => this.#accept(socket));
  }

  /** The proxy of a server, and the connection string that leads through it. */
  static async to(connectionString: string): Promise<{ proxy: Proxy; through: string }> {
    const url = new URL(connectionString);
    const proxy = new Proxy(url);
    await proxy.comeBack();
    url.hostname = '127.0.0.1';
    url.port = String(proxy.#port);
    return { proxy, through: url.href };
  }

  /** Each fault happens once, in this order. */
  expect(...faults: readonly Fault[]): void {
    this.#faults.push(...faults);
  }

  /** Cuts off the next so many connections as soon as they are there. */
  refuse(count: number): void {
    this.#refusals += count;
  }

  /** Cuts everybody off, and refuses new connections. */
  goDown(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Goes down at the cut of such a request, and resolves then. */
  goDownAt(fault: Fault): Promise<void> {
    return new Promise((resolve) => {
      this.expect({
        ...fault,
        onCut: () => {
          this.goDown();
          resolve();
        },
      });
    });
  }

  async comeBack(): Promise<void> {
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.goDown();
    await closed;
  }

  #accept(client: Socket): void {
    this.#watch(client);
    if (this.#refusals > 0) {
      this.#refusals -= 1;
      client.destroy();
      return;
    }
    const upstream = connect(this.#target);
    this.#watch(upstream);
    const cut = (): void => {
      client.destroy();
      upstream.destroy();
    };
    client.on('close', cut);
    upstream.on('close', cut);
    relay(client, upstream, (chunk) => this.#faultFor(chunk), cut);
  }

  #watch(socket: Socket): void {
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
  }

  #faultFor(chunk: Buffer): Fault | undefined {
    const [fault] = this.#faults;
    if (fault === undefined || !chunk.includes(fault.text)) return undefined;
    this.#faults.shift();
    this.count += 1;
    return fault;
  }
}

function relay(
  client: Socket,
  upstream: Socket,
  faultFor: (chunk: Buffer) => Fault | undefined,
  cut: () => void,
): void {
  let fault: Fault | undefined;
  let requestLeft = Infinity;
  let answerLeft = Infinity;
  const end = (): void => {
    if (!client.destroyed) fault?.onCut?.();
    cut();
  };
  client.on('data', (chunk) => {
    if (fault === undefined) {
      fault = faultFor(chunk);
      if (fault !== undefined) {
        requestLeft = fault.requestBytes ?? Infinity;
        answerLeft = fault.answerBytes ?? 0;
      }
    }
    const passed = chunk.subarray(0, requestLeft);
    requestLeft -= passed.length;
    upstream.write(passed, () => {
      if (requestLeft === 0 && fault?.hangs !== true) end();
    });
  });
  upstream.on('data', (chunk) => {
    const passed = chunk.subarray(0, answerLeft);
    answerLeft -= passed.length;
    client.write(passed, () => {
      if (answerLeft === 0 && fault?.hangs !== true) end();
    });
  });
}
