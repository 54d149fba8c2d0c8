//! Numbers in as few bytes as they need, seven bits a byte, the lowest first (LEB128).

/// Appends a number.
#[inline]
pub fn write(bytes: &mut Vec<u8>, n: u64) {
    if n < 0x80 {
        bytes.push(n as u8)
    } else if n < 0x4000 {
        bytes.extend_from_slice(&[n as u8 | 0x80, (n >> 7) as u8])
    } else {
        write_large(bytes, n)
    }
}

#[inline(never)]
fn write_large(bytes: &mut Vec<u8>, mut n: u64) {
    let mut packed = [0; 10];
    let mut len = 0;
    while n >= 0x80 {
        packed[len] = n as u8 | 0x80;
        n >>= 7;
        len += 1;
    }
    packed[len] = n as u8;
    bytes.extend_from_slice(&packed[..=len]);
}

/// The number that begins at `at`, which is moved behind it.
#[inline]
pub fn read(bytes: &[u8], at: &mut usize) -> u64 {
    let (mut n, mut shift) = (0, 0);
    loop {
        let byte = bytes[*at];
        *at += 1;
        n |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return n;
        }
        shift += 7;
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_read_is_what_was_written() {
        let numbers = [0, 0x7f, 0x80, 0x3fff, 0x4000, u64::from(u32::MAX), u64::MAX];
        let mut bytes = Vec::new();
        numbers.iter().for_each(|&n| super::write(&mut bytes, n));
        let mut at = 0;
        assert_eq!(numbers.map(|_| super::read(&bytes, &mut at)), numbers);
        assert_eq!((at, bytes.len()), (bytes.len(), 1 + 1 + 2 + 2 + 3 + 5 + 10));
    }
}
