import { ToughCookieJar } from '@mixweb/mix-tunnel';

/** An empty jar that lives in memory and refuses cookies for public suffixes. */
export declare function createCookieJar(): ToughCookieJar;

export {};
