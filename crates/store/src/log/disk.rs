use std::fmt::Debug;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

/// The file operations of the log, and no others: the seam where tests put a disk that fails.
pub trait Disk: Debug + Send + Sync {
    /// The names and sizes of the files in the folder.
    fn list(&self) -> io::Result<Vec<(String, u64)>>;
    /// Creates a file that did not exist.
    fn create(&self, name: &str) -> io::Result<Box<dyn SegmentFile>>;
    /// Opens an existing file for reading.
    fn open(&self, name: &str) -> io::Result<Box<dyn SegmentFile>>;
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Makes created and removed names durable.
    fn sync(&self) -> io::Result<()>;
}

/// One open file of a [`Disk`].
pub trait SegmentFile: Send {
    /// Writes all of `bytes` at `offset`. After an error any part of them may be there.
    fn write_all_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Makes what was written durable, the file's length included.
    fn sync(&mut self) -> io::Result<()>;
    fn truncate(&mut self, length: u64) -> io::Result<()>;
    fn length(&self) -> io::Result<u64>;
    /// Fills `buffer` from `offset`, or fails.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
}

/// A folder of the file system.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// The folder is created if it is missing.
    pub fn new(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        std::fs::create_dir_all(&path)?;
        Ok(Self { path })
    }
}

impl Disk for Folder {
    fn list(&self) -> io::Result<Vec<(String, u64)>> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&self.path)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            if let (true, Ok(name)) = (metadata.is_file(), entry.file_name().into_string()) {
                files.push((name, metadata.len()));
            }
        }
        Ok(files)
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn SegmentFile>> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(self.path.join(name))?;
        Ok(Box::new(file))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn SegmentFile>> {
        Ok(Box::new(File::open(self.path.join(name))?))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.path.join(name))
    }

    fn sync(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }
}

impl Disk for Arc<dyn Disk> {
    fn list(&self) -> io::Result<Vec<(String, u64)>> {
        self.as_ref().list()
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn SegmentFile>> {
        self.as_ref().create(name)
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn SegmentFile>> {
        self.as_ref().open(name)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.as_ref().remove(name)
    }

    fn sync(&self) -> io::Result<()> {
        self.as_ref().sync()
    }
}

/// Bytes of the disk that the log does not take: a commit that takes the oldest files out of the lake, and so makes
/// room, needs some itself. What [`Reserve`](crate::lake::Reserve) gives up for it must not go to the log.
const LEFT_FREE: u64 = 4 << 20;

impl SegmentFile for File {
    fn write_all_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        // Where that cannot be told, writing tells.
        if let Ok(disk) = rustix::fs::fstatvfs(&*self)
            && disk.f_bavail.saturating_mul(disk.f_frsize) < LEFT_FREE + bytes.len() as u64
        {
            return Err(io::ErrorKind::StorageFull.into());
        }
        FileExt::write_all_at(self, bytes, offset)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        FileExt::read_exact_at(self, buffer, offset)
    }
}
